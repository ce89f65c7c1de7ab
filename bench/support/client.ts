// A client of suite 1 whose own cost is small.
import { constants, createCipheriv, createDecipheriv, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { type Connection, openConnection, postOk } from './connection.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKeyPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();

/** The body of a handshake. All use the same key, because generating one takes the client a tenth of a second. */
export const HANDSHAKE_BODY = JSON.stringify({ public_key: Buffer.from(publicKeyPem).toString('hex') });

/** One session on a connection of its own. */
export interface Client {
  /**
   * Makes a request.
   *
   * @returns the decrypted message of the response
   * @throws Error if the status is not 200
   */
  call(path: string, fields: Readonly<Record<string, string>>): Promise<string>;
}

/** Opens a connection and a session on it. */
export async function openClient(url: string): Promise<Client> {
  const connection = await openConnection(url);
  const { ciphertext, session_key } = await post(connection, '/create_session_key', HANDSHAKE_BODY);
  const padding = { key: rsa.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const hex = privateDecrypt(padding, Buffer.from(ciphertext ?? '', 'hex')).toString('latin1');
  let aesKey = Buffer.from(hex, 'hex');
  let sessionKey = open(aesKey, session_key);

  return {
    async call(path, fields) {
      const sealed: Record<string, string> = { session_key: sessionKey };
      for (const name in fields) sealed[name] = seal(aesKey, fields[name] ?? '');
      const answer = await post(connection, path, JSON.stringify(sealed));
      aesKey = Buffer.from(open(aesKey, answer.ciphertext), 'hex');
      sessionKey = open(aesKey, answer.session_key);
      return answer.message === undefined ? '' : open(aesKey, answer.message);
    },
  };
}

type WireFields = Partial<Record<string, string>>;

async function post(connection: Connection, path: string, body: string): Promise<WireFields> {
  return JSON.parse(await postOk(connection, path, body)) as WireFields;
}

function seal(key: Buffer, text: string): string {
  const cipher = createCipheriv('aes-256-ecb', key, null);
  return cipher.update(text, 'utf8', 'base64') + cipher.final('base64');
}

function open(key: Buffer, sealed = ''): string {
  const decipher = createDecipheriv('aes-256-ecb', key, null);
  return decipher.update(sealed, 'base64', 'utf8') + decipher.final('utf8');
}
