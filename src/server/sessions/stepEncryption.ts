// Encrypts what the database stores of a session step.
import { hash } from 'node:crypto';
import { openAead, sealAead } from '../crypto/aead.ts';
import { hmac } from '../crypto/derive.ts';
import type { WireResponse } from './suites/suite.ts';

/*
 * What the database stores of a step, and the keys that open it:
 *
 *   step id = SHA-256("vws step id " ‖ session key)              finds the row; reveals nothing about the key
 *   step key = HMAC-SHA-256(key-encryption key, "vws step key " ‖ session key)
 *   sealed secret = AEAD(step key, secret, "vws secret " ‖ step id)
 *   sealed response = AEAD(step key of the request's step, JSON [status, body], "vws answer " ‖ request hash);
 *                     if only a key establishment is stored: JSON [0, its base64, or the empty text]
 *
 * The key-encryption key is derived from the master key and is not in the database; only the client holds the session
 * key. Either of the two alone opens nothing.
 */

/** A stored response, or what is needed to regenerate one that was too long to store. */
export type StoredResponse =
  | { readonly response: WireResponse }
  | { readonly response: undefined; readonly keyEstablishment: Uint8Array | undefined };

/** Encrypts and decrypts the stored columns of one step; exists only while its session key is known. */
export class StepEncryption {
  readonly stepId: Uint8Array<ArrayBuffer>;
  readonly #stepKey: Uint8Array;

  /** @param keyEncryptionKey 32 bytes, derived from the master key */
  constructor(keyEncryptionKey: Uint8Array, sessionKey: string) {
    this.stepId = sha256(`vws step id ${sessionKey}`);
    this.#stepKey = hmac(keyEncryptionKey, `vws step key ${sessionKey}`);
  }

  sealSecret(secret: Uint8Array): Uint8Array<ArrayBuffer> {
    return sealAead(this.#stepKey, secret, this.#secretContext());
  }

  /** @throws Error if the row was altered or belongs to another master key */
  openSecret(sealed: Uint8Array): Uint8Array<ArrayBuffer> {
    return requireOpened(openAead(this.#stepKey, sealed, this.#secretContext()));
  }

  sealResponse(stored: StoredResponse, requestHash: Uint8Array): Uint8Array<ArrayBuffer> {
    const row = stored.response
      ? [stored.response.status, stored.response.body]
      : [0, Buffer.from(stored.keyEstablishment ?? []).toString('base64')];
    return sealAead(this.#stepKey, Buffer.from(JSON.stringify(row)), responseContext(requestHash));
  }

  /** @throws Error if the row was altered or belongs to another master key */
  openResponse(sealed: Uint8Array, requestHash: Uint8Array): StoredResponse {
    const opened = requireOpened(openAead(this.#stepKey, sealed, responseContext(requestHash)));
    const [status, body] = JSON.parse(Buffer.from(opened).toString('utf8')) as [number, string];
    if (status !== 0) return { response: { status, body } };
    return { response: undefined, keyEstablishment: body ? Buffer.from(body, 'base64') : undefined };
  }

  #secretContext(): Uint8Array {
    return Buffer.concat([Buffer.from('vws secret '), this.stepId]);
  }
}

/** @returns the SHA-256 that identifies a request */
export function hashRequest(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return sha256(Buffer.concat([Buffer.from('vws request '), ...parts]));
}

function responseContext(requestHash: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from('vws answer '), requestHash]);
}

function sha256(input: Uint8Array | string): Uint8Array<ArrayBuffer> {
  return hash('sha256', input, 'buffer');
}

function requireOpened<T>(opened: T | undefined): T {
  if (opened === undefined) throw new Error('a stored session step does not open: the database was altered or damaged');
  return opened;
}
