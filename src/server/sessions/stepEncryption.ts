import { hash } from 'node:crypto';
import { openAead, sealAead } from '../crypto/aead.ts';
import { hmac } from '../crypto/derive.ts';
import type { WireAnswer } from './suites/suite.ts';

/*
 * What the database holds of a step, and what it takes to open it:
 *
 *   step id = SHA-256("vws step id " ‖ session key)              finds the row; tells nothing of the key
 *   step key = HMAC-SHA-256(key-encryption key, "vws step key " ‖ session key)
 *   sealed secret = AEAD(step key, secret, "vws secret " ‖ step id)
 *   sealed answer = AEAD(step key of the step it answers, JSON [status, body], "vws answer " ‖ request hash);
 *                   where only a key establishment is kept: JSON [0, its base64, or the empty text]
 *
 * The key-encryption key comes from the master key and is in no database; the session key is held by the client alone.
 * Who has one of the two opens nothing.
 */

/** An answer, or what it takes to make it anew. */
export type KeptAnswer =
  | { readonly answer: WireAnswer }
  | { readonly answer: undefined; readonly keyEstablishment: Uint8Array | undefined };

/** Opens and seals what is stored of one step, while its session key is at hand. */
export interface StepEncryption {
  readonly stepId: Uint8Array<ArrayBuffer>;
  sealSecret(secret: Uint8Array): Uint8Array<ArrayBuffer>;
  /** @throws Error if the row was altered or the master key is another one */
  openSecret(sealed: Uint8Array): Uint8Array<ArrayBuffer>;
  sealAnswer(answer: KeptAnswer, requestHash: Uint8Array): Uint8Array<ArrayBuffer>;
  /** @throws Error if the row was altered or the master key is another one */
  openAnswer(sealed: Uint8Array, requestHash: Uint8Array): KeptAnswer;
}

/** @param keyEncryptionKey 32 bytes, derived from the master key */
export function createStepEncryption(keyEncryptionKey: Uint8Array, sessionKey: string): StepEncryption {
  const stepId = sha256(`vws step id ${sessionKey}`);
  const stepKey = hmac(keyEncryptionKey, `vws step key ${sessionKey}`);
  const secretContext = Buffer.concat([Buffer.from('vws secret '), stepId]);
  const answerContext = (requestHash: Uint8Array) => Buffer.concat([Buffer.from('vws answer '), requestHash]);
  return {
    stepId,
    sealSecret: (secret) => sealAead(stepKey, secret, secretContext),
    openSecret: (sealed) => intact(openAead(stepKey, sealed, secretContext)),
    sealAnswer(kept, requestHash) {
      const row = kept.answer
        ? [kept.answer.status, kept.answer.body]
        : [0, Buffer.from(kept.keyEstablishment ?? []).toString('base64')];
      return sealAead(stepKey, Buffer.from(JSON.stringify(row)), answerContext(requestHash));
    },
    openAnswer(sealed, requestHash) {
      const text = Buffer.from(intact(openAead(stepKey, sealed, answerContext(requestHash)))).toString('utf8');
      const [status, body] = JSON.parse(text) as [number, string];
      if (status !== 0) return { answer: { status, body } };
      return { answer: undefined, keyEstablishment: body ? Buffer.from(body, 'base64') : undefined };
    },
  };
}

/** Names a request by its bytes. */
export function hashRequest(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return sha256(Buffer.concat([Buffer.from('vws request '), ...parts]));
}

function sha256(input: Uint8Array | string): Uint8Array<ArrayBuffer> {
  return hash('sha256', input, 'buffer');
}

function intact<T>(opened: T | undefined): T {
  if (opened === undefined) throw new Error('a stored session step does not open: the database was altered or damaged');
  return opened;
}
