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
 * nonce (12) ‖ ciphertext (as long as the plaintext) ‖ tag (16)
 * ```
 *
 * @param key 32 bytes
 * @param associatedData authenticated with the plaintext, but not part of the result
 */
export function sealAead(key: Uint8Array, plaintext: Uint8Array, associatedData: Uint8Array): Uint8Array<ArrayBuffer> {
  const nonce = randomBytes(NONCE_LENGTH);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_LENGTH });
  cipher.setAAD(associatedData);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  return Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]);
}

/**
 * Opens what {@link sealAead} made.
 *
 * @returns the plaintext, or undefined if any bit of the key, the box or the associated data differs
 */
export function openAead(
  key: Uint8Array,
  sealed: Uint8Array,
  associatedData: Uint8Array,
): Uint8Array<ArrayBuffer> | undefined {
  if (sealed.length < NONCE_LENGTH + TAG_LENGTH) return undefined;
  const nonce = sealed.subarray(0, NONCE_LENGTH);
  const tag = sealed.subarray(sealed.length - TAG_LENGTH);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_LENGTH });
  decipher.setAAD(associatedData);
  decipher.setAuthTag(tag);
  const plaintext = decipher.update(sealed.subarray(NONCE_LENGTH, sealed.length - TAG_LENGTH));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plaintext as Uint8Array<ArrayBuffer>;
}
