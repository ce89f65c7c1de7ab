// A suite 2 session between two requests: one step of the ratchet. Seals requests, opens responses, rekeys.
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
import { isObject } from '../json.ts';
import {
  type Call,
  NoResponseError,
  type Outcome,
  type PendingRequest,
  type Reply,
  type SessionState,
} from '../suite.ts';
import { throwUnauthenticated } from '../unauthenticatedReply.ts';
import { expand, extract, open, seal, sha256 } from './primitives.ts';
import { decapsulate, generateKeyPair } from './xwing.ts';

/** A rekey (a fresh KEM exchange) is due after this many requests … */
const REKEY_AFTER_REQUESTS = 16;
/** … or after this time, whichever comes first. */
const REKEY_AFTER_MS = 60_000;
/** Servers drop sessions that were not used within 2 minutes. */
const STALE_AFTER_MS = 60_000;

/** The stored form. Byte strings are base64url, times are milliseconds since 1970. */
export interface Suite2StateData {
  readonly fingerprint: string;
  /** The server's signed KEM key, cached for the next handshake. */
  readonly descriptor: string;
  readonly sessionId: string;
  /** The step of the ratchet. */
  readonly n: number;
  /** The root key of the step, 32 bytes. */
  readonly root: string;
  readonly startedAt: number;
  /** The step of the last rekey; -1 if there was none. */
  readonly rekeyStep: number;
  /** The time of the last rekey; 0 if there was none. */
  readonly rekeyedAt: number;
  /** The features of the server; undefined in sessions of older versions, which did not save them. */
  readonly features?: readonly string[] | undefined;
}

interface ParsedRequest {
  readonly context: Uint8Array;
  readonly payload: Uint8Array;
}

export class Suite2State implements SessionState {
  readonly saved: Suite2StateData;
  readonly #root: Bytes;
  readonly #sessionKey: string;

  constructor(saved: Suite2StateData) {
    this.saved = saved;
    this.#root = bytesOf(saved.root);
    this.#sessionKey = formatSessionKey(saved.sessionId, saved.n);
  }

  get fingerprint(): string {
    return this.saved.fingerprint;
  }

  isStale(now: number): boolean {
    return this.saved.n === 0 && Math.abs(now - this.saved.startedAt) >= STALE_AFTER_MS;
  }

  supports(feature: string): boolean {
    return this.saved.features?.includes(feature) ?? true;
  }

  async seal(call: Call, now: number): Promise<PendingRequest> {
    const path = pathOf(call);
    const pair = isRekeyDue(this.saved, now) ? await generateKeyPair() : undefined;
    const content = encodeContent(pair?.publicKey, call.fields);
    const key = await expand(this.#root, labels.requestKey);
    const payload = await seal(key, this.#contextOf(path), content);
    const body = JSON.stringify({ session_key: this.#sessionKey, payload: toBase64Url(payload) });
    return { path, body, ...(pair && { secret: `${now} ${toBase64Url(pair.secretKey)}` }) };
  }

  async contains(pending: PendingRequest, call: Call): Promise<boolean> {
    const { context, payload } = this.#parse(pending);
    const content = await open(await expand(this.#root, labels.requestKey), context, payload);
    const fields = content && decodeContent(content, KEM_PUBLIC_KEY_LENGTH)?.json;
    return pathOf(call) === pending.path && JSON.stringify(fields) === JSON.stringify(call.fields);
  }

  async open(pending: PendingRequest, reply: Reply): Promise<{ next: Suite2State; outcome: Outcome }> {
    const request = this.#parse(pending);
    const hash = await sha256(request.context, request.payload);
    const content = await openResponse(this.#root, hash, reply, pending.body.length);
    const [rekeyedAt, secret] = pending.secret?.split(' ') ?? [];
    if (!content || !content.keyEstablishment !== !secret) throw protocolViolation();
    const next = await expand(this.#root, labels.nextRoot, hash);
    const shared = content.keyEstablishment && (await decapsulate(bytesOf(secret), content.keyEstablishment));
    return {
      next: new Suite2State({
        ...this.saved,
        n: this.saved.n + 1,
        root: toBase64Url(shared ? await extract(next, shared) : next),
        ...(shared && { rekeyStep: this.saved.n, rekeyedAt: Number(rekeyedAt) }),
      }),
      outcome: outcomeOf(reply, content.json),
    };
  }

  #parse({ path, body }: PendingRequest): ParsedRequest {
    const { payload } = JSON.parse(body) as { payload?: unknown };
    return { context: this.#contextOf(path), payload: bytesOf(payload) };
  }

  #contextOf(path: string): Uint8Array {
    return requestContext('POST', path, this.#sessionKey);
  }
}

function bytesOf(text: unknown): Bytes {
  return fromBase64Url(text) ?? new Uint8Array();
}

/** A username in the path is also in the fields, where it is encrypted. */
function pathOf({ path }: Call): string {
  return path.replace('/:username', '');
}

function isRekeyDue({ n, rekeyStep, rekeyedAt }: Suite2StateData, now: number): boolean {
  return rekeyStep < 0 || n - rekeyStep >= REKEY_AFTER_REQUESTS || Math.abs(now - rekeyedAt) >= REKEY_AFTER_MS;
}

async function openResponse(root: Uint8Array, hash: Uint8Array, reply: Reply, requestSize: number) {
  const { status, json } = reply;
  if (!isObject(json) || json.suite !== SUITE2 || typeof json.payload !== 'string')
    return throwUnauthenticated(reply, requestSize);
  const key = await expand(root, labels.responseKey, hash);
  const content = await open(key, responseContext(status), bytesOf(json.payload));
  if (!content) throw new NoResponseError(new VwsError('bad_answer', 'The response is not authentic.', { status }));
  return decodeContent(content, KEM_CIPHERTEXT_LENGTH);
}

function protocolViolation(): VwsError {
  return new VwsError('bad_answer', 'The response violates the protocol.');
}

function outcomeOf({ status, retryAfter }: Reply, json: Record<string, unknown>): Outcome {
  if (status < 400) return json;
  const { title } = json;
  const code = typeof json.code === 'string' ? (json.code as VwsErrorCode) : 'bad_answer';
  const detail = typeof json.detail === 'string' ? json.detail : undefined;
  return new VwsError(code, detail ?? String(title ?? code), { status, retryAfter, detail });
}
