// The envelope: format of encrypted messages.
import { NONCE_LENGTH, openAead, sealAead, TAG_LENGTH } from '../crypto/aead.ts';
import { repairCandidates } from './desktopReader.ts';

/*
 * An envelope is carried by a video and can never be rewritten, so this version stays readable permanently.
 *
 *   base64url without padding ( nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16) )
 *
 * Without the key an envelope is indistinguishable from random bytes of one of a few sizes. The plaintext:
 *
 *   version (1) = 1 ‖ sent at, ms since 1970 (6, big-endian) ‖ sender's id (16) ‖ length of the text (4, big-endian)
 *   ‖ text (UTF-8) ‖ zeros up to the size class
 *
 * Associated data: "vws envelope " ‖ recipient's id (16).
 */
const VERSION = 1;
const TIME_OFFSET = 1;
const SENDER_OFFSET = 7;
const LENGTH_OFFSET = 23;
const TEXT_OFFSET = 27;
export const ID_LENGTH = 16;

/** Bytes that the envelope adds to the text, without padding. */
export const ENVELOPE_OVERHEAD = NONCE_LENGTH + TAG_LENGTH + TEXT_OFFSET;

/**
 * Size classes in bytes; above the last one, its multiples. All have a length in characters that is a multiple of 3,
 * which the original desktop client carries exactly: see desktopReader.ts.
 */
const SIZE_CLASSES = [63, 99, 128, 193, 256, 508, 1_026, 2_047, 4_099, 8_192, 16_384, 32_769] as const;
const LARGE_SIZE_STEP = 65_538;

/** Returns the size class, in bytes, of an envelope that must hold at least `size` bytes. */
export function sizeClass(size: number): number {
  return SIZE_CLASSES.find((fitting) => fitting >= size) ?? Math.ceil(size / LARGE_SIZE_STEP) * LARGE_SIZE_STEP;
}

/** Content of an envelope. */
export interface DecryptedMessage {
  /** 16 bytes. */
  readonly senderId: Uint8Array;
  /** Milliseconds since 1970, below 2⁴⁸. */
  readonly sentAt: number;
  readonly text: string;
}

/**
 * Encrypts a message.
 *
 * @param key the recipient's message key, 32 bytes
 * @returns the envelope in base64url
 */
export function sealEnvelope(key: Uint8Array, recipientId: Uint8Array, message: DecryptedMessage): string {
  const text = Buffer.from(message.text, 'utf8');
  const padded = Buffer.alloc(sizeClass(text.length + ENVELOPE_OVERHEAD) - NONCE_LENGTH - TAG_LENGTH);
  padded.writeUInt8(VERSION);
  padded.writeUIntBE(message.sentAt, TIME_OFFSET, 6);
  padded.set(message.senderId, SENDER_OFFSET);
  padded.writeUInt32BE(text.length, LENGTH_OFFSET);
  padded.set(text, TEXT_OFFSET);
  return Buffer.from(sealAead(key, padded, associatedData(recipientId))).toString('base64url');
}

/**
 * Decrypts an envelope with the recipient's key that fits. The size class is not checked.
 *
 * @param envelope in base64url; white space, which mail and forms may add, is ignored
 * @param options.repairLastCharacter also undoes what the original desktop client's reader does to earlier size classes
 * @returns undefined, without a reason, if it is not an envelope for this recipient
 */
export function openEnvelope(
  keys: readonly Uint8Array[],
  recipientId: Uint8Array,
  envelope: string,
  { repairLastCharacter = false }: OpenOptions = {},
): DecryptedMessage | undefined {
  const sealed = decodeBase64url(envelope);
  if (!sealed) return undefined;
  const message = openSealed(keys, recipientId, sealed);
  if (message || !repairLastCharacter) return message;
  for (const candidate of repairCandidates(withoutWhiteSpace(envelope))) {
    const repaired = openSealed(keys, recipientId, candidate);
    if (repaired) return repaired;
  }
  return undefined;
}

export interface OpenOptions {
  readonly repairLastCharacter?: boolean;
}

function openSealed(
  keys: readonly Uint8Array[],
  recipientId: Uint8Array,
  sealed: Uint8Array,
): DecryptedMessage | undefined {
  for (const key of keys) {
    const plaintext = openAead(key, sealed, associatedData(recipientId));
    if (plaintext) return decodeMessage(Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.length));
  }
  return undefined;
}

/** @returns undefined if the text contains anything other than base64url without padding and white space */
function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  // Encoding again and comparing is faster than checking every character.
  if (bytes.length > 0 && bytes.toString('base64url') === text) return bytes;
  const compact = withoutWhiteSpace(text);
  return /^[A-Za-z0-9_-]+$/.test(compact) ? Buffer.from(compact, 'base64url') : undefined;
}

function withoutWhiteSpace(text: string): string {
  return text.replace(/\s+/g, '');
}

function decodeMessage(plaintext: Buffer): DecryptedMessage | undefined {
  if (plaintext.length < TEXT_OFFSET || plaintext.readUInt8() !== VERSION) return undefined;
  const end = TEXT_OFFSET + plaintext.readUInt32BE(LENGTH_OFFSET);
  if (end > plaintext.length) return undefined;
  return {
    senderId: new Uint8Array(plaintext.subarray(SENDER_OFFSET, SENDER_OFFSET + ID_LENGTH)),
    sentAt: plaintext.readUIntBE(TIME_OFFSET, 6),
    text: plaintext.toString('utf8', TEXT_OFFSET, end),
  };
}

function associatedData(recipientId: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from('vws envelope '), recipientId]);
}
