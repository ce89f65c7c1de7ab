// The encryption of the fields of suite 1.
import { type Bytes, fromBase64, toBase64 } from '../../protocol/bytes.ts';
import { decryptEcb, encryptEcb, importAesKey } from './ecb.ts';

/*
 * An encrypted field: base64 ( AES-256-ECB with PKCS#7 padding ( UTF-8 text ) ). Keys are transmitted as 64 hex characters.
 */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Encrypts a field.
 *
 * @param aesKey 64 hex characters
 */
export async function encryptField(aesKey: string, text: string): Promise<string> {
  const key = await importAesKey(fromHex(aesKey));
  return toBase64(await encryptEcb(key, new TextEncoder().encode(text)));
}

/**
 * Decrypts a field.
 *
 * @param aesKey 64 hex characters
 * @returns undefined if it was not encrypted with this key
 */
export async function decryptField(aesKey: string, sealed: unknown): Promise<string | undefined> {
  const ciphertext = typeof sealed === 'string' ? fromBase64(sealed) : undefined;
  const plaintext = ciphertext && (await decryptEcb(await importAesKey(fromHex(aesKey)), ciphertext));
  try {
    return plaintext && decoder.decode(plaintext);
  } catch {
    return undefined;
  }
}

export function isAesKey(text: string | undefined): text is string {
  return text !== undefined && /^[0-9a-f]{64}$/i.test(text);
}

export function fromHex(text: string): Bytes {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
