// A client of suite 2, written from the protocol description: it shares no code with the server, so that each
// checks the other.
import assert from 'node:assert/strict';
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  randomBytes,
  verify,
} from 'node:crypto';
import type { HttpResponse } from './suite1Client.ts';
import { post } from './suite1Client.ts';
import { hpkeSide, type XWingPair, xwingEncapsulateFor, xwingPair } from './xwingHpke.ts';

const KEM_CIPHERTEXT = 1120;
const NONCE = 12;
const TAG = 16;

/** One step of a session: everything that a request needs. */
export interface Step {
  readonly sessionId: string;
  readonly n: number;
  readonly root: Buffer;
}

/** The exact bytes of a request, and the secrets that open its response: sent again, it is the same request. */
export interface Suite2Request {
  readonly path: string;
  readonly body: string;
  readonly step: Step;
  readonly hash: Buffer;
  readonly kem: XWingPair | undefined;
}

/** An opened response. */
export interface Suite2Response extends HttpResponse {
  readonly json: Record<string, unknown>;
  readonly next: Step;
}

/** The server's introduction: its signed KEM key. */
export interface Introduction {
  readonly identity: string;
  readonly descriptor: string;
  readonly signature: string;
}

export interface RequestOptions {
  /** KEM key of the request: true for a new one. */
  readonly kem?: boolean | XWingPair;
  /** Content to seal in place of the fields. */
  readonly content?: Buffer;
  /** Path to send the request to, if not the sealed one. */
  readonly sentTo?: string;
}

export const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
export const unb64 = (text: unknown) => Buffer.from(String(text), 'base64url');
export const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

export const mac = (key: Uint8Array, bytes: Uint8Array) => createHmac('sha256', key).update(bytes).digest();
export const expand = (key: Uint8Array, label: string, bytes: Uint8Array = Buffer.alloc(0)) =>
  mac(key, Buffer.concat([Buffer.from(label), bytes, Buffer.from([1])]));

export function sealAead(key: Buffer, aad: Buffer, plaintext: Buffer): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** @throws if it does not open */
export function openAead(key: Buffer, aad: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(aad).setAuthTag(sealed.subarray(-TAG));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE, -TAG)), decipher.final()]);
}

/** JSON with spaces up to whole blocks of 64 bytes. */
export function padded(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  return Buffer.concat([json, Buffer.alloc((64 - (json.length % 64)) % 64, ' ')]);
}

/** Checks an introduction like a client that has pinned the server. @returns the kid and the KEM key */
export function checkIntroduction(introduction: Introduction, now = Date.now(), pin = introduction.identity) {
  assert.equal(introduction.identity, pin, 'not the pinned server');
  const descriptor = unb64(introduction.descriptor);
  assert.equal(descriptor.length, 1 + 8 + 8 + 1216);
  assert.equal(descriptor[0], 2);
  const identity = createPublicKey({ key: unb64(pin), format: 'raw-public', asymmetricKeyType: 'ed25519' });
  const signed = Buffer.concat([Buffer.from('vws2 descriptor '), descriptor]);
  assert.ok(verify(null, signed, identity, unb64(introduction.signature)), 'the signature of the descriptor');
  const [notBefore, notAfter] = [Number(descriptor.readBigUInt64BE(1)), Number(descriptor.readBigUInt64BE(9))];
  assert.ok(notBefore <= now && now <= notAfter, 'the descriptor is valid now');
  return { kid: sha256(unb64(pin), descriptor), serverKey: descriptor.subarray(17), notBefore, notAfter };
}

/** The first message of a handshake, and a function that opens the second. */
export interface PendingHandshake {
  readonly body: Record<'kid' | 'public_key' | 'ciphertext', string> & { readonly suite: 2 };
  finish(answer: unknown): Step & { readonly greeting: Record<string, unknown> };
}

export function beginHandshake(kid: Buffer, serverKey: Buffer, ephemeral = xwingPair()): PendingHandshake {
  const info1 = Buffer.concat([Buffer.from('vws2 m1 '), kid]);
  const first = xwingEncapsulateFor(serverKey);
  const c1 = hpkeSide(first.secret, info1);
  const message1 = Buffer.concat([first.ciphertext, c1.seal(ephemeral.publicKey, padded({ now: Date.now() }))]);
  return {
    body: { suite: 2, kid: b64(kid), public_key: b64(ephemeral.publicKey), ciphertext: b64(message1) },
    finish(answer) {
      const { suite, ciphertext, ...others } = answer as Record<string, unknown>;
      assert.deepEqual([suite, others], [2, {}]);
      const message2 = unb64(ciphertext);
      const info2 = Buffer.concat([Buffer.from('vws2 m2 '), sha256(info1, ephemeral.publicKey, message1)]);
      const secret = ephemeral.decapsulate(message2.subarray(0, KEM_CIPHERTEXT));
      const c2 = hpkeSide(secret, info2, { secret: c1.export('vws2 psk'), id: Buffer.from('vws2 m1') });
      const greeting = c2.open(Buffer.alloc(0), message2.subarray(KEM_CIPHERTEXT));
      assert.equal(greeting.length % 64, 0);
      return {
        sessionId: b64(c2.export('vws2 sid')),
        n: 0,
        root: c2.export('vws2 root'),
        greeting: JSON.parse(greeting.toString()) as Record<string, unknown>,
      };
    },
  };
}

export const sessionKeyOf = ({ sessionId, n }: Step) => `2.${sessionId}.${n}`;

export function prepare2(step: Step, path: string, fields: object, options: RequestOptions = {}): Suite2Request {
  const sessionKey = sessionKeyOf(step);
  const kem = options.kem === true ? xwingPair() : options.kem || undefined;
  const aad = Buffer.from(`vws2 req\0POST\0${path}\0${sessionKey}\0`);
  const content =
    options.content ?? Buffer.concat([Buffer.from([kem ? 1 : 0]), kem?.publicKey ?? Buffer.alloc(0), padded(fields)]);
  const sealed = sealAead(expand(step.root, 'vws2 req'), aad, content);
  return {
    path: options.sentTo ?? path,
    body: JSON.stringify({ session_key: sessionKey, payload: b64(sealed) }),
    step,
    hash: sha256(aad, sealed),
    kem,
  };
}

/** Opens a response. @throws if it is not authentic; the client then keeps its step */
export function openResponse2({ step, hash, kem }: Suite2Request, http: HttpResponse): Suite2Response {
  const { suite, payload, ...others } = JSON.parse(http.text) as Record<string, unknown>;
  assert.deepEqual([suite, others], [2, {}], http.text);
  const aad = Buffer.from(`vws2 res\0${http.status}\0`);
  const content = openAead(expand(step.root, 'vws2 res ', hash), aad, unb64(payload));
  const flags = content[0] ?? 255;
  assert.ok(flags === 0 || (flags === 1 && kem), 'the flags');
  const jsonStart = flags === 1 ? 1 + KEM_CIPHERTEXT : 1;
  assert.equal((content.length - jsonStart) % 64, 0);
  const chained = expand(step.root, 'vws2 next ', hash);
  const shared = flags === 1 ? kem?.decapsulate(content.subarray(1, jsonStart)) : undefined;
  return {
    ...http,
    json: JSON.parse(content.subarray(jsonStart).toString()) as Record<string, unknown>,
    next: { sessionId: step.sessionId, n: step.n + 1, root: shared ? mac(chained, shared) : chained },
  };
}

/** A session with a server, which moves to the next step with each response. */
export class Suite2Client {
  readonly server: { url: string };
  step: Step;
  readonly identity: string;
  #lastRequest: Suite2Request | undefined;

  constructor(server: { url: string }, step: Step, identity: string) {
    this.server = server;
    this.step = step;
    this.identity = identity;
  }

  /** Opens a new session; without a pin, with any server that responds. */
  static async handshake(server: { url: string }, pin?: string): Promise<Suite2Client> {
    const ask = async (body: object) => {
      const { status, text } = await post(server, '/create_session_key', JSON.stringify(body));
      assert.equal(status, 200, text);
      return JSON.parse(text) as unknown;
    };
    const introduction = (await ask({ suite: 2 })) as Introduction;
    const { kid, serverKey } = checkIntroduction(introduction, Date.now(), pin);
    const pending = beginHandshake(kid, serverKey);
    return new Suite2Client(server, pending.finish(await ask(pending.body)), introduction.identity);
  }

  prepare(path: string, fields: object = {}, options: RequestOptions = {}): Suite2Request {
    return prepare2(this.step, path, fields, options);
  }

  /** Sends a request verbatim. */
  transmit(request: Suite2Request): Promise<HttpResponse> {
    this.#lastRequest = request;
    return post(this.server, request.path, request.body);
  }

  /** Sends a request and moves to the step of its response, which must be authentic. */
  async send(request: Suite2Request): Promise<Suite2Response> {
    const answer = openResponse2(request, await this.transmit(request));
    this.step = answer.next;
    return answer;
  }

  /** Prepares and sends a request, and moves to the step of its response. */
  call(path: string, fields: object = {}, options: RequestOptions = {}): Promise<Suite2Response> {
    return this.send(this.prepare(path, fields, options));
  }

  /** Sends the bytes of the last request again, and moves to the step of the response. */
  resend(): Promise<Suite2Response> {
    assert.ok(this.#lastRequest, 'no request was sent yet');
    return this.send(this.#lastRequest);
  }
}
