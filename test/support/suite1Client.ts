// A client of suite 1, written from the protocol description: it shares no code with the server, so that each checks
// the other.
import assert from 'node:assert/strict';
import { constants, createCipheriv, createDecipheriv, generateKeyPairSync, privateDecrypt } from 'node:crypto';

/** Keys of a session's next request: the session key (400 characters) and the AES-256 key (64 hex characters). */
export interface Keys {
  sessionKey: string;
  aesKey: string;
}

/** The exact bytes of a request, and its keys: sent again, it is the same request. */
export interface PreparedRequest {
  path: string;
  body: string;
  keys: Keys;
}

/** An HTTP response as received. */
export interface HttpResponse {
  status: number;
  contentType: string;
  text: string;
}

/** A response with its opened fields. */
export interface Suite1Response extends HttpResponse {
  body: unknown;
  /** New keys, if the response has any. */
  keys?: Keys;
  message?: string;
  error?: string;
}

export type Fields = Record<string, string>;

/** A server that takes longer has hung. */
const TIMEOUT_MS = 15_000;

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** The public key of this client's handshakes, as PEM. */
export const publicKeyPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();

/** Standard base64 of AES-256-ECB with PKCS#7 of the UTF-8 text. */
export function seal(aesKey: string, text: string | Buffer): string {
  const cipher = createCipheriv('aes-256-ecb', Buffer.from(aesKey, 'hex'), null);
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  return Buffer.concat([cipher.update(bytes), cipher.final()]).toString('base64');
}

/** The text of a sealed field. @throws if the padding or the UTF-8 is invalid */
export function open(aesKey: string, sealed: string): string {
  assert.match(sealed, /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'padded standard base64');
  const decipher = createDecipheriv('aes-256-ecb', Buffer.from(aesKey, 'hex'), null);
  const bytes = Buffer.concat([decipher.update(sealed, 'base64'), decipher.final()]);
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** Posts a body verbatim. */
export async function post(
  server: { url: string },
  path: string,
  body: string,
  contentType = 'application/json',
): Promise<HttpResponse> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? '',
    text: await response.text(),
  };
}

/** Opens the response to a handshake with the public half of `privateKey`. */
export function openHandshake(answer: HttpResponse, privateKey = rsa.privateKey): Keys {
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.contentType, /^application\/json\b/);
  const body = JSON.parse(answer.text) as { ciphertext: string; session_key: string };
  assert.deepEqual(Object.keys(body).sort(), ['ciphertext', 'session_key']);
  assert.match(body.ciphertext, /^(?:[0-9a-f]{2})+$/);
  const padding = { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const aesKey = privateDecrypt(padding, Buffer.from(body.ciphertext, 'hex')).toString('latin1');
  return checkKeys({ aesKey, sessionKey: open(aesKey, body.session_key) });
}

/** Prepares a request: the session key and the `extra` fields in plaintext, all other fields sealed. */
export function prepare(keys: Keys, path: string, fields: Fields, extra: object = {}): PreparedRequest {
  const sealed = Object.entries(fields).map(([name, text]) => [name, seal(keys.aesKey, text)]);
  const body = JSON.stringify({ session_key: keys.sessionKey, ...Object.fromEntries(sealed), ...extra });
  return { path, body, keys };
}

/** Opens a response: the new AES key under the old one, everything else under the new one. */
export function openResponse(request: PreparedRequest, http: HttpResponse): Suite1Response {
  const body: unknown = JSON.parse(http.text);
  const answer: Suite1Response = { ...http, body };
  if (typeof body !== 'object' || body === null) return answer;
  const { ciphertext, session_key, message, error } = body as Partial<Record<string, string>>;
  if (error !== undefined) answer.error = error;
  if (ciphertext === undefined || session_key === undefined) return answer;
  const aesKey = open(request.keys.aesKey, ciphertext);
  answer.keys = checkKeys({ aesKey, sessionKey: open(aesKey, session_key) });
  assert.notEqual(answer.keys.aesKey, request.keys.aesKey, 'a new AES key');
  assert.notEqual(answer.keys.sessionKey, request.keys.sessionKey, 'a new session key');
  if (message !== undefined) answer.message = open(aesKey, message);
  return answer;
}

function checkKeys(keys: Keys): Keys {
  assert.match(keys.aesKey, /^[0-9a-f]{64}$/);
  assert.match(keys.sessionKey, /^[A-Za-z0-9]{400}$/);
  return keys;
}

/** A session with a server, which moves to the new keys with each response. */
export class Suite1Client {
  readonly server: { url: string };
  keys: Keys;
  #lastRequest: PreparedRequest | undefined;

  constructor(server: { url: string }, keys: Keys) {
    this.server = server;
    this.keys = keys;
  }

  /** Opens a new session. */
  static async handshake(server: { url: string }): Promise<Suite1Client> {
    const body = JSON.stringify({ public_key: Buffer.from(publicKeyPem).toString('hex') });
    return new Suite1Client(server, openHandshake(await post(server, '/create_session_key', body)));
  }

  /** Prepares a request with the current keys. */
  prepare(path: string, fields: Fields = {}, extra: object = {}): PreparedRequest {
    return prepare(this.keys, path, fields, extra);
  }

  /** Sends a request and moves to the keys of its response. */
  async send(request: PreparedRequest): Promise<Suite1Response> {
    this.#lastRequest = request;
    return this.accept(request, await post(this.server, request.path, request.body));
  }

  /** Moves to the keys of a response that was received some other way. */
  accept(request: PreparedRequest, http: HttpResponse): Suite1Response {
    const answer = openResponse(request, http);
    if (answer.keys) this.keys = answer.keys;
    return answer;
  }

  /** Prepares and sends a request, and moves to the keys of its response. */
  async call(path: string, fields: Fields = {}): Promise<Suite1Response> {
    return this.send(this.prepare(path, fields));
  }

  /** Like {@link call}, but the client does not receive the response and keeps its keys. */
  async callAndLoseResponse(path: string, fields: Fields = {}): Promise<Suite1Response> {
    this.#lastRequest = this.prepare(path, fields);
    return this.fork().send(this.#lastRequest);
  }

  /** Sends the bytes of the last request again, and moves to the keys of the response. */
  async resend(): Promise<Suite1Response> {
    assert.ok(this.#lastRequest, 'no request was sent yet');
    return this.send(this.#lastRequest);
  }

  /** A second client with the same keys. */
  fork(): Suite1Client {
    return new Suite1Client(this.server, this.keys);
  }

  encrypt(username: string, message: string): Promise<Suite1Response> {
    return this.call(`/encrypt/${encodeURIComponent(username)}`, { message });
  }

  decrypt(message: string): Promise<Suite1Response> {
    return this.call('/decrypt', { message });
  }
}
