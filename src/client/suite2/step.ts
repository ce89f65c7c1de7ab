import { type Bytes, fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
import {
  decodeContent,
  encodeContent,
  formatSessionKey,
  KEM_CIPHERTEXT_LENGTH,
  KEM_PUBLIC_KEY_LENGTH,
  labels,
  requestContext,
  responseContext,
  SUITE2,
} from '../../protocol/suite2.ts';
import { VwsError, type VwsErrorCode } from '../error.ts';
import { type Call, type Outcome, type PendingRequest, type Reply, type Step, Unanswered } from '../suite.ts';
import { isObject, throwUnsealed } from '../unsealed.ts';
import { expand, extract, open, seal, sha256 } from './primitives.ts';
import { decapsulate, generateKeyPair } from './xwing.ts';

/** A KEM step is due after so many requests … */
const KEM_REQUESTS = 16;
/** … or milliseconds, whatever comes first. */
const KEM_MILLISECONDS = 60_000;
/** Servers drop sessions that were not used within 2 minutes. */
const UNUSED_MILLISECONDS = 60_000;

/** All of a session at step n. Byte strings are base64url, so that it is JSON. */
export interface StepState {
  readonly fingerprint: string;
  readonly descriptor: string;
  readonly sessionId: string;
  readonly n: number;
  readonly root: string;
  readonly startedAt: number;
  /** The step at which the last KEM step was made, and when; -1 and 0 if there was none. */
  readonly kemStep: number;
  readonly kemAt: number;
}

interface SealedRequest {
  readonly root: Uint8Array;
  readonly context: Uint8Array;
  readonly payload: Uint8Array;
}

export function createStep(state: StepState): Step {
  const root = bytesOf(state.root);
  const sessionKey = formatSessionKey(state.sessionId, state.n);

  const read = ({ path, body }: PendingRequest): SealedRequest => ({
    root,
    context: requestContext('POST', path, sessionKey),
    payload: bytesOf((JSON.parse(body) as { payload?: unknown }).payload),
  });

  return {
    fingerprint: state.fingerprint,
    saved: state,
    isStale: (now) => state.n === 0 && Math.abs(now - state.startedAt) >= UNUSED_MILLISECONDS,

    async seal(call, now) {
      const path = pathOf(call);
      const pair = isKemDue(state, now) ? await generateKeyPair() : undefined;
      const content = encodeContent(pair?.publicKey, call.fields);
      const key = await expand(root, labels.requestKey);
      const payload = await seal(key, requestContext('POST', path, sessionKey), content);
      const body = JSON.stringify({ session_key: sessionKey, payload: toBase64Url(payload) });
      return { path, body, ...(pair && { secret: `${now} ${toBase64Url(pair.secretKey)}` }) };
    },

    async asks(call, pending) {
      const { context, payload } = read(pending);
      const content = await open(await expand(root, labels.requestKey), context, payload);
      const asked = content && decodeContent(content, KEM_PUBLIC_KEY_LENGTH)?.json;
      return pathOf(call) === pending.path && JSON.stringify(asked) === JSON.stringify(call.fields);
    },

    async open(pending, reply) {
      const request = read(pending);
      const hash = await sha256(request.context, request.payload);
      const content = await openAnswer(root, hash, reply, pending.body.length);
      const [kemAt, secret] = pending.secret?.split(' ') ?? [];
      if (!content || !content.keyEstablishment !== !secret) throw broken();
      const next = await expand(root, labels.nextRoot, hash);
      const shared = content.keyEstablishment && (await decapsulate(bytesOf(secret), content.keyEstablishment));
      return {
        next: createStep({
          ...state,
          n: state.n + 1,
          root: toBase64Url(shared ? await extract(next, shared) : next),
          ...(shared && { kemStep: state.n, kemAt: Number(kemAt) }),
        }),
        outcome: outcomeOf(reply, content.json),
      };
    },
  };
}

function bytesOf(text: unknown): Bytes {
  return fromBase64Url(text) ?? new Uint8Array();
}

/** A name in the path is in the fields as well, and goes sealed. */
function pathOf({ path }: Call): string {
  return path.replace('/:username', '');
}

function isKemDue({ n, kemStep, kemAt }: StepState, now: number): boolean {
  return kemStep < 0 || n - kemStep >= KEM_REQUESTS || Math.abs(now - kemAt) >= KEM_MILLISECONDS;
}

async function openAnswer(root: Uint8Array, hash: Uint8Array, reply: Reply, requestSize: number) {
  const { status, json } = reply;
  if (!isObject(json) || json.suite !== SUITE2 || typeof json.payload !== 'string')
    return throwUnsealed(reply, requestSize);
  const key = await expand(root, labels.responseKey, hash);
  const content = await open(key, responseContext(status), bytesOf(json.payload));
  if (!content) throw new Unanswered(new VwsError('bad_answer', 'The answer is not the server’s.', { status }));
  return decodeContent(content, KEM_CIPHERTEXT_LENGTH);
}

function broken(): VwsError {
  return new VwsError('bad_answer', 'The server’s answer breaks the protocol.');
}

function outcomeOf({ status, retryAfter }: Reply, json: Record<string, unknown>): Outcome {
  if (status < 400) return json;
  const { title } = json;
  const code = typeof json.code === 'string' ? (json.code as VwsErrorCode) : 'bad_answer';
  const detail = typeof json.detail === 'string' ? json.detail : undefined;
  return new VwsError(code, detail ?? String(title ?? code), { status, retryAfter, detail });
}
