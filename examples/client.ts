// A minimal VWS client that shows suite 1 on the wire. See docs/protocol.md.
import { constants, createCipheriv, createDecipheriv, generateKeyPairSync, privateDecrypt } from 'node:crypto';

/** The keys of the session. Both change with every response. */
interface Keys {
  readonly sessionKey: string;
  readonly aesKey: Buffer;
}

export class Client {
  readonly #url: string;
  #keys: Keys;

  private constructor(url: string, keys: Keys) {
    this.#url = url;
    this.#keys = keys;
  }

  /** Opens a session: the client sends an RSA key, the server responds with an AES key encrypted for it. */
  static async connect(url: string): Promise<Client> {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;
    const answer = await post(`${url}/create_session_key`, { public_key: Buffer.from(pem).toString('hex') });
    const aesKey = privateDecrypt(
      { key: rsa.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
      Buffer.from(text(answer.ciphertext), 'hex'),
    );
    return new Client(url, nextKeys(aesKey, answer.session_key));
  }

  /**
   * Sends a request inside the session. The fields are encrypted, the path and the session key are not.
   *
   * @returns the decrypted field `message`, or an empty text
   */
  async call(path: string, fields: Record<string, string>): Promise<string> {
    const { sessionKey, aesKey } = this.#keys;
    const sealed = Object.entries(fields).map(([name, value]) => [name, seal(aesKey, value)]);
    const answer = await post(this.#url + path, { session_key: sessionKey, ...Object.fromEntries(sealed) });
    // Without new keys, the request was not executed and the old keys remain valid.
    if (!answer.ciphertext) throw new Error(JSON.stringify(answer));
    this.#keys = nextKeys(Buffer.from(open(aesKey, text(answer.ciphertext))), answer.session_key);
    if (answer.error) throw new Error(text(answer.error));
    return answer.message === undefined ? '' : open(this.#keys.aesKey, text(answer.message));
  }
}

/** An AES key is transmitted as 64 hex characters; its session key is encrypted with it. */
function nextKeys(aesKeyHex: Buffer, sealedSessionKey: unknown): Keys {
  const aesKey = Buffer.from(aesKeyHex.toString('ascii'), 'hex');
  return { aesKey, sessionKey: open(aesKey, text(sealedSessionKey)) };
}

function seal(key: Buffer, value: string): string {
  const cipher = createCipheriv('aes-256-ecb', key, null);
  return Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]).toString('base64');
}

function open(key: Buffer, sealed: string): string {
  const decipher = createDecipheriv('aes-256-ecb', key, null);
  return Buffer.concat([decipher.update(sealed, 'base64'), decipher.final()]).toString('utf8');
}

async function post(url: string, body: unknown): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await response.json()) as Record<string, unknown>;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('Unexpected response: not a VWS server.');
  return value;
}
