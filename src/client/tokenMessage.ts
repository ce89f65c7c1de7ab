// The cryptography of token messages: locator, key and body follow from the token, which never leaves the client.
import type { Bytes } from '../protocol/bytes.ts';
import { concatBytes } from '../protocol/suite2.ts';
import { decodeBody, encodeBody, TOKEN_LENGTH, tokenLabels } from '../protocol/tokenMessage.ts';

const NONCE_LENGTH = 12;
const AES_GCM = 'AES-GCM';
const KEY_BITS = 256;

/** A new message: its token, and what the server receives. */
export interface SealedText {
  readonly token: Bytes;
  /** 32 bytes. */
  readonly locator: Bytes;
  readonly body: Bytes;
}

/**
 * Encrypts a text under a new token. The token is not a parameter, because the nonce is constant and a token must encrypt only
 * one text.
 */
export async function sealText(text: string): Promise<SealedText> {
  const token = globalThis.crypto.getRandomValues(new Uint8Array(TOKEN_LENGTH));
  return { token, locator: await locatorOf(token), body: await sealUnder(token, text) };
}

/** @internal Exported for the test vectors. Use {@link sealText}. */
export async function sealUnder(token: Bytes, text: string): Promise<Bytes> {
  const key = await bodyKeyOf(token, 'encrypt');
  return new Uint8Array(await globalThis.crypto.subtle.encrypt(bodyCipher(), key, encodeBody(concatBytes(text))));
}

/**
 * Decrypts a body.
 *
 * @returns undefined if the body does not belong to the token, or is not a text
 */
export async function openBody(token: Bytes, body: Bytes): Promise<string | undefined> {
  const key = await bodyKeyOf(token, 'decrypt');
  const padded = await globalThis.crypto.subtle.decrypt(bodyCipher(), key, body).catch(() => undefined);
  const content = padded && decodeBody(new Uint8Array(padded));
  try {
    return content && new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}

/** Derives the name of the message at the server, 32 bytes. */
export function locatorOf(token: Bytes): Promise<Bytes> {
  return derive(token, tokenLabels.locator);
}

async function bodyKeyOf(token: Bytes, usage: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  const key = await derive(token, tokenLabels.key);
  return globalThis.crypto.subtle.importKey('raw', key, AES_GCM, false, [usage]);
}

/** HKDF-SHA-256 (RFC 5869), 32 bytes. */
async function derive(token: Bytes, info: string): Promise<Bytes> {
  const { subtle } = globalThis.crypto;
  const algorithm = {
    name: 'HKDF',
    hash: 'SHA-256',
    salt: concatBytes(tokenLabels.salt),
    info: concatBytes(info),
  };
  const secret = await subtle.importKey('raw', token, 'HKDF', false, ['deriveBits']);
  return new Uint8Array(await subtle.deriveBits(algorithm, secret, KEY_BITS));
}

/** The nonce is zero, because a key encrypts exactly one body. */
function bodyCipher() {
  return { name: AES_GCM, iv: new Uint8Array(NONCE_LENGTH), additionalData: concatBytes(tokenLabels.body) };
}
