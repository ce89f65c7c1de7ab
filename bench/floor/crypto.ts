// The cryptography of a request, as the server does it: a step is found by SHA-256 of its session key, its secret and its
// stored response are encrypted under an HMAC-SHA-256 of the session key, fields are AES-256-ECB, messages AES-256-GCM.
import { createCipheriv, createDecipheriv, createHmac, hash, randomFillSync } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const SESSION_KEY_LENGTH = 400;
const UNBIASED = 256 - (256 % ALPHABET.length);
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const GCM = { authTagLength: TAG_LENGTH };
const POOL = Buffer.alloc(64 * 1024);
let poolUsed = POOL.length;

/** Random bytes, valid until the next call. */
export function randomBytes(length: number): Buffer {
  if (poolUsed + length > POOL.length) {
    randomFillSync(POOL);
    poolUsed = 0;
  }
  poolUsed += length;
  return POOL.subarray(poolUsed - length, poolUsed);
}

export function randomSessionKey(): string {
  const key = Buffer.allocUnsafe(SESSION_KEY_LENGTH);
  for (let length = 0; length < SESSION_KEY_LENGTH; ) {
    const byte = randomBytes(1)[0] ?? 255;
    if (byte < UNBIASED) key[length++] = ALPHABET.charCodeAt(byte % ALPHABET.length);
  }
  return key.toString('latin1');
}

export function sha256(prefix: string, text: string): Buffer {
  return hash('sha256', prefix + text, 'buffer');
}

export function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

export function sealGcm(key: Buffer, plaintext: Buffer, associatedData: Buffer): Buffer {
  const nonce = randomBytes(NONCE_LENGTH);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, GCM).setAAD(associatedData);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]);
}

export function openGcm(key: Buffer, sealed: Uint8Array, associatedData: Buffer): Buffer {
  const end = sealed.length - TAG_LENGTH;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_LENGTH), GCM);
  decipher.setAAD(associatedData).setAuthTag(sealed.subarray(end));
  const plaintext = decipher.update(sealed.subarray(NONCE_LENGTH, end));
  decipher.final();
  return plaintext;
}

export function sealField(key: Buffer, text: string): string {
  const cipher = createCipheriv('aes-256-ecb', key, null);
  return cipher.update(text, 'utf8', 'base64') + cipher.final('base64');
}

export function openField(key: Buffer, sealed = ''): string {
  const decipher = createDecipheriv('aes-256-ecb', key, null);
  return decipher.update(sealed, 'base64', 'utf8') + decipher.final('utf8');
}
