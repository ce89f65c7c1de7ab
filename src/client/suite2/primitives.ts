// The hash, key derivation and encryption of suite 2.
import { AEAD_AES_256_GCM, KDF_HKDF_SHA256 } from 'hpke';
import type { Bytes } from '../../protocol/bytes.ts';
import { concatBytes } from '../../protocol/suite2.ts';

const IV_LENGTH = 12;
const KEY_LENGTH = 32;

export async function sha256(...parts: Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', concatBytes(...parts)));
}

/** Ext(salt, input) = HMAC-SHA-256(salt, input), which is HKDF-Extract (RFC 5869). */
export function extract(salt: Uint8Array, input: Uint8Array): Promise<Uint8Array> {
  return KDF_HKDF_SHA256().Extract(salt, input);
}

/** Exp(key, info) = HMAC-SHA-256(key, info ‖ 0x01), which is HKDF-Expand of 32 bytes. The info is `label` ‖ `bytes`. */
export function expand(key: Uint8Array, label: string, bytes: Uint8Array = new Uint8Array()): Promise<Uint8Array> {
  return KDF_HKDF_SHA256().Expand(key, concatBytes(label, bytes), KEY_LENGTH);
}

/**
 * Encrypts with AES-256-GCM.
 *
 * @returns iv (12) ‖ ciphertext ‖ tag (16)
 */
export async function seal(key: Uint8Array, context: Uint8Array, plaintext: Uint8Array): Promise<Bytes> {
  const iv = globalThis.crypto.getRandomValues(new Uint8Array(IV_LENGTH));
  return concatBytes(iv, await AEAD_AES_256_GCM().Seal(key, iv, context, plaintext));
}

/**
 * Decrypts the result of {@link seal}.
 *
 * @returns undefined if the tag is invalid
 */
export function open(key: Uint8Array, context: Uint8Array, sealed: Uint8Array): Promise<Uint8Array | undefined> {
  const aead = AEAD_AES_256_GCM();
  return aead.Open(key, sealed.slice(0, IV_LENGTH), context, sealed.slice(IV_LENGTH)).catch(() => undefined);
}
