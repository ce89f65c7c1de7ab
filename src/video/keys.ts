// Pattern keys: who can find a payload.
import { argon2idAsync } from '@noble/hashes/argon2.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';

/** A derived key of 32 bytes that places the pattern. */
export interface PatternKey {
  readonly kind: 'public' | 'user' | 'shared';
  readonly bytes: Uint8Array;
}

export type PatternKeys = readonly PatternKey[];

/** Keys and derived keys have this length. */
const KEY_BYTES = 32;

const SALT = 'vws video 1';
const PUBLIC_INPUT = 'vws public pattern';

// Both sides know only the passphrase, so the salt is fixed.
const PASSPHRASE_SALT = 'vws video shared 1';
const ARGON2 = { version: 0x13, m: 65_536, t: 3, p: 1, dkLen: KEY_BYTES } as const;

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

function derive(kind: PatternKey['kind'], input: Uint8Array): PatternKey {
  return { kind, bytes: hkdf(sha256, input, ascii(SALT), ascii(kind), KEY_BYTES) };
}

function requireKey(key: Uint8Array): Uint8Array {
  if (key.length !== KEY_BYTES) throw new TypeError(`a key has ${KEY_BYTES} bytes`);
  return key;
}

/** The key that everyone with this software has. */
export function publicKey(): PatternKey {
  return derive('public', ascii(PUBLIC_INPUT));
}

/** @param videoKey the 32 bytes that the server keeps for the recipient */
export function userKey(videoKey: Uint8Array): PatternKey {
  return derive('user', requireKey(videoKey));
}

/**
 * A key that two sides share.
 *
 * @param secret 32 bytes, or a passphrase, which takes about a second
 */
export async function sharedKey(secret: string | Uint8Array): Promise<PatternKey> {
  return derive('shared', typeof secret === 'string' ? await hashPassphrase(secret) : requireKey(secret));
}

/** Argon2id of a passphrase in Unicode form NFKC. */
export function hashPassphrase(passphrase: string): Promise<Uint8Array> {
  return argon2idAsync(new TextEncoder().encode(passphrase.normalize('NFKC')), ascii(PASSPHRASE_SALT), ARGON2);
}
