import { VwsError } from '../error.ts';
import { type Call, type Outcome, type PendingRequest, type Reply, type Step, Unanswered } from '../suite.ts';
import { isObject } from '../unsealed.ts';
import { codeOf, throwWithoutKeys } from './problems.ts';
import { isAesKey, open, seal } from './sealed.ts';

/** All of a session between two requests. */
export interface StepState {
  readonly sessionKey: string;
  /** 64 hex characters. */
  readonly aesKey: string;
  /** Tells what "No authorization" means. */
  readonly isLoggedIn: boolean;
}

const LOGGING_IN = ['/register_user', '/login_user'];
/** Fields of an answer that belong to the session, not to the call. */
const OWN_FIELDS = ['ciphertext', 'session_key', 'error'];

export function createStep(state: StepState): Step {
  return {
    fingerprint: '',
    saved: state,
    isStale: () => false,

    async seal(call) {
      const { path, fields } = splitPath(call);
      const sealed: Record<string, string> = {};
      for (const [name, value] of Object.entries(fields)) sealed[name] = await seal(state.aesKey, value);
      return { path, body: JSON.stringify({ session_key: state.sessionKey, ...sealed }) };
    },

    async asks(call, pending) {
      const { path, fields } = splitPath(call);
      const { session_key: _, ...sealed } = JSON.parse(pending.body) as Record<string, string>;
      const opened: Record<string, unknown> = {};
      for (const [name, value] of Object.entries(sealed)) opened[name] = await open(state.aesKey, value);
      return path === pending.path && JSON.stringify(opened) === JSON.stringify(fields);
    },

    async open(pending, reply) {
      const keys = await openKeys(state.aesKey, reply);
      const outcome = await openOutcome(keys.aesKey, reply, pending, state.isLoggedIn);
      const isDone = !(outcome instanceof VwsError);
      const isLoggedIn = (state.isLoggedIn && !(isDone && pending.path === '/log_out')) || (isDone && logsIn(pending));
      return { next: createStep({ ...keys, isLoggedIn }), outcome };
    },
  };
}

/** Reads what every answer inside a session, and the handshake, go on with. */
export async function openKeys(aesKey: string, reply: Reply): Promise<Pick<StepState, 'sessionKey' | 'aesKey'>> {
  const { status, json } = reply;
  if (!isObject(json) || json.ciphertext === undefined) return throwWithoutKeys(reply);
  const next = await open(aesKey, json.ciphertext);
  const sessionKey = isAesKey(next) ? await open(next, json.session_key) : undefined;
  if (next === undefined || sessionKey === undefined) throw new Unanswered(badAnswer(status));
  return { aesKey: next, sessionKey };
}

async function openOutcome(
  aesKey: string,
  reply: Reply,
  { path }: PendingRequest,
  isLoggedIn: boolean,
): Promise<Outcome> {
  const { status } = reply;
  const json = reply.json as Record<string, unknown>;
  if (json.error !== undefined) {
    const isForOthers = path === '/decrypt' && isLoggedIn && codeOf(json.error) === 'not_authenticated';
    const code = isForOthers ? 'undecryptable_message' : (codeOf(json.error) ?? 'bad_answer');
    return new VwsError(code, String(json.error), { status });
  }
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(json)) {
    if (!OWN_FIELDS.includes(name)) fields[name] = await open(aesKey, value);
  }
  return 'sessions' in fields ? { sessions: parseJson(fields.sessions) } : fields;
}

/** A name in the path goes in clear, and not in the fields as well. */
function splitPath({ path, fields }: Call): { path: string; fields: Readonly<Record<string, string>> } {
  if (!path.includes(':username')) return { path, fields };
  const { username = '', ...rest } = fields;
  // No URL can hold these, and so nobody can have them.
  if (/^\.?\.?$/.test(username)) throw new VwsError('user_not_found', 'There is no user of this name.');
  return { path: path.replace(':username', () => encodeURIComponent(username.toWellFormed())), fields: rest };
}

function logsIn({ path }: PendingRequest): boolean {
  return LOGGING_IN.includes(path);
}

function parseJson(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}

function badAnswer(status: number): VwsError {
  return new VwsError('bad_answer', 'The answer does not open under the keys of the session.', { status });
}
