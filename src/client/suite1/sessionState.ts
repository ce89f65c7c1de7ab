// A suite 1 session between two requests: seals requests, opens responses.
import { VwsError } from '../error.ts';
import { isObject } from '../json.ts';
import {
  type Call,
  NoResponseError,
  type Outcome,
  type PendingRequest,
  type Reply,
  type SessionState,
} from '../suite.ts';
import { decryptField, encryptField, isAesKey } from './fieldEncryption.ts';
import { codeOf, throwWithoutKeys } from './problems.ts';

/** The stored form. */
export interface Suite1StateData {
  readonly sessionKey: string;
  /** 64 hex characters. */
  readonly aesKey: string;
  /** Determines the meaning of "No authorization". */
  readonly isLoggedIn: boolean;
}

type Keys = Pick<Suite1StateData, 'sessionKey' | 'aesKey'>;

const LOGIN_PATHS = ['/register_user', '/login_user'];
/** Fields of a response that belong to the session, not to the call. */
const SESSION_FIELDS = ['ciphertext', 'session_key', 'error'];

export class Suite1State implements SessionState {
  readonly fingerprint = '';
  readonly saved: Suite1StateData;

  constructor(saved: Suite1StateData) {
    this.saved = saved;
  }

  isStale(): boolean {
    return false;
  }

  supports(): boolean {
    return false;
  }

  async seal(call: Call): Promise<PendingRequest> {
    const { path, fields } = splitPath(call);
    const sealed: Record<string, string> = {};
    for (const [name, value] of Object.entries(fields)) sealed[name] = await encryptField(this.saved.aesKey, value);
    return { path, body: JSON.stringify({ session_key: this.saved.sessionKey, ...sealed }) };
  }

  async contains(pending: PendingRequest, call: Call): Promise<boolean> {
    const { path, fields } = splitPath(call);
    const { session_key: _, ...sealed } = JSON.parse(pending.body) as Record<string, string>;
    const opened: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(sealed)) opened[name] = await decryptField(this.saved.aesKey, value);
    return path === pending.path && JSON.stringify(opened) === JSON.stringify(fields);
  }

  async open(pending: PendingRequest, reply: Reply): Promise<{ next: Suite1State; outcome: Outcome }> {
    const keys = await openKeys(this.saved.aesKey, reply);
    const outcome = await openOutcome(keys.aesKey, reply, pending, this.saved.isLoggedIn);
    return { next: new Suite1State({ ...keys, isLoggedIn: this.#isLoggedInAfter(pending, outcome) }), outcome };
  }

  #isLoggedInAfter({ path }: PendingRequest, outcome: Outcome): boolean {
    if (outcome instanceof VwsError) return this.saved.isLoggedIn;
    return LOGIN_PATHS.includes(path) || (this.saved.isLoggedIn && path !== '/log_out');
  }
}

/** Reads the keys for the next request, which every response inside a session contains. */
async function openKeys(aesKey: string, reply: Reply): Promise<Keys> {
  const { status, json } = reply;
  if (!isObject(json) || json.ciphertext === undefined) return throwWithoutKeys(reply);
  const next = await decryptField(aesKey, json.ciphertext);
  const sessionKey = isAesKey(next) ? await decryptField(next, json.session_key) : undefined;
  if (next === undefined || sessionKey === undefined) throw new NoResponseError(badAnswer(status));
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
    if (!SESSION_FIELDS.includes(name)) fields[name] = await decryptField(aesKey, value);
  }
  return 'sessions' in fields ? { sessions: parseJson(fields.sessions) } : fields;
}

/** A username in the path is sent unencrypted, and not repeated in the fields. */
function splitPath({ path, fields }: Call): { path: string; fields: Readonly<Record<string, string>> } {
  if (!path.includes(':username')) return { path, fields };
  const { username = '', ...rest } = fields;
  // URLs cannot contain these path segments, so no user can have these names.
  if (/^\.?\.?$/.test(username)) throw new VwsError('user_not_found', 'There is no user with this name.');
  return { path: path.replace(':username', () => encodeURIComponent(username.toWellFormed())), fields: rest };
}

function parseJson(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}

function badAnswer(status: number): VwsError {
  return new VwsError('bad_answer', 'The response cannot be decrypted with the keys of the session.', { status });
}
