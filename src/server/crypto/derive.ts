// Key derivation: HKDF-SHA-256 and HMAC-SHA-256.
import { createHmac, hkdfSync } from 'node:crypto';
import { KEY_LENGTH } from './aead.ts';

/** Derives a 32-byte key for one purpose with HKDF-SHA-256 (RFC 5869), with the label as its info. */
export function deriveKey(secret: Uint8Array, label: string, salt = ''): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hkdfSync('sha256', secret, salt, label, KEY_LENGTH));
}

/** HKDF-Extract with SHA-256 (RFC 5869): mixes `input` into the key `salt`. */
export function extract(salt: Uint8Array, input: Uint8Array): Uint8Array<ArrayBuffer> {
  return hmac(salt, input);
}

/** First block of HKDF-Expand with SHA-256 (RFC 5869): a 32-byte key for the purpose that the parts name. */
export function expand(key: Uint8Array, ...parts: readonly (Uint8Array | string)[]): Uint8Array<ArrayBuffer> {
  return hmac(key, ...parts, Uint8Array.of(1));
}

/** HMAC-SHA-256 over the parts, in order. Only the last part may vary in length. */
export function hmac(key: Uint8Array, ...parts: readonly (Uint8Array | string)[]): Uint8Array<ArrayBuffer> {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest() as Uint8Array<ArrayBuffer>;
}
