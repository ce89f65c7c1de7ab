// AES-256-GCM with random or given nonces.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { randomBytes } from './random.ts';

const ALGORITHM = 'aes-256-gcm';
export const KEY_LENGTH = 32;
export const NONCE_LENGTH = 12;
export const TAG_LENGTH = 16;

/**
 * Encrypts with AES-256-GCM (NIST SP 800-38D) under a random nonce.
 *
 * ```
 * nonce (12) ‖ ciphertext (length of the plaintext) ‖ tag (16)
 * ```
 *
 * @param key 32 bytes
 * @param associatedData authenticated with the plaintext, but not part of the result
 */
export function sealAead(key: Uint8Array, plaintext: Uint8Array, associatedData: Uint8Array): Uint8Array<ArrayBuffer> {
  const nonce = randomBytes(NONCE_LENGTH);
  return Buffer.concat([nonce, ...encrypt(key, nonce, plaintext, associatedData)]);
}

/**
 * Decrypts the result of {@link sealAead}.
 *
 * @returns the plaintext, or undefined if any bit of the key, the sealed data or the associated data differs
 */
export function openAead(
  key: Uint8Array,
  sealed: Uint8Array,
  associatedData: Uint8Array,
): Uint8Array<ArrayBuffer> | undefined {
  return openWithNonce(key, sealed.subarray(0, NONCE_LENGTH), sealed.subarray(NONCE_LENGTH), associatedData);
}

/**
 * Encrypts under a nonce that both sides know. The caller must never use a nonce twice with the same key.
 *
 * @returns ciphertext ‖ tag (16)
 */
export function sealWithNonce(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associatedData: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return Buffer.concat(encrypt(key, nonce, plaintext, associatedData));
}

/**
 * Decrypts the result of {@link sealWithNonce}.
 *
 * @returns the plaintext, or undefined if any bit differs
 */
export function openWithNonce(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  associatedData: Uint8Array,
): Uint8Array<ArrayBuffer> | undefined {
  if (nonce.length !== NONCE_LENGTH || sealed.length < TAG_LENGTH) return undefined;
  const end = sealed.length - TAG_LENGTH;
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_LENGTH });
  decipher.setAAD(associatedData);
  decipher.setAuthTag(sealed.subarray(end));
  const plaintext = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plaintext as Uint8Array<ArrayBuffer>;
}

function encrypt(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, associatedData: Uint8Array): Buffer[] {
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_LENGTH });
  cipher.setAAD(associatedData);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return [ciphertext, cipher.getAuthTag()];
}
