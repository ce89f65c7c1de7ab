// The original desktop client's video path, and envelopes of the size classes that it alters.
import { NONCE_LENGTH, sealAead, TAG_LENGTH } from '../../src/server/crypto/aead.ts';
import type { DecryptedMessage } from '../../src/server/messages/envelope.ts';

const CHARACTERS_PER_PAIR = 3;
const TRAILER = '00000';
/** The reader cuts one character more than the writer appended. */
const CUT = 6;

/** Returns a ciphertext as the client's reader does, by the rule observed on the client's own classes. */
export function carry(ciphertext: string): string {
  const stream = ciphertext + TRAILER;
  const pairs = Math.ceil(stream.length / CHARACTERS_PER_PAIR);
  return stream.padEnd(pairs * CHARACTERS_PER_PAIR, '\0').slice(0, -CUT);
}

/** Returns the number of frames that the client needs for a ciphertext. */
export function framesFor(ciphertext: string): number {
  return 2 * (Math.floor((ciphertext.length + TRAILER.length) / CHARACTERS_PER_PAIR) + 1);
}

/** Seals a message like earlier versions, whose size classes were powers of two from 256 bytes and multiples of 64 KiB. */
export function sealInEarlierClass(
  key: Uint8Array,
  recipientId: Uint8Array,
  { senderId, sentAt, text }: DecryptedMessage,
  size: number,
): string {
  const padded = Buffer.alloc(size - NONCE_LENGTH - TAG_LENGTH);
  padded.writeUInt8(1);
  padded.writeUIntBE(sentAt, 1, 6);
  padded.set(senderId, 7);
  padded.writeUInt32BE(Buffer.byteLength(text), 23);
  padded.write(text, 27);
  const associatedData = Buffer.concat([Buffer.from('vws envelope '), recipientId]);
  return Buffer.from(sealAead(key, padded, associatedData)).toString('base64url');
}
