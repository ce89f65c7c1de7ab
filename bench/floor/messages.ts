// Envelopes of the floor, in the server's format.
import { sizeClass } from '../../src/server/messages/envelope.ts';
import { openGcm, randomBytes, sealGcm } from './crypto.ts';
import type { FloorStore } from './store.ts';

const TEXT_OFFSET = 27;
const OVERHEAD = 28;
const KEY_LENGTH = 32;
const USER_ID_LENGTH = 16;

const keyEncryptionKey = Buffer.from(randomBytes(KEY_LENGTH));
const WRAPPING_PREFIX = Buffer.from('vws user key ');
const ENVELOPE_PREFIX = Buffer.from('vws envelope ');

interface UserRow {
  readonly user_id: Uint8Array;
  readonly wrapped_key: Uint8Array;
}

export function addUser(store: FloorStore, name: string): Buffer {
  const userId = Buffer.from(randomBytes(USER_ID_LENGTH));
  const key = Buffer.from(randomBytes(KEY_LENGTH));
  store.insertUser(name, userId, sealGcm(keyEncryptionKey, key, Buffer.concat([WRAPPING_PREFIX, userId])));
  return userId;
}

/** Encrypts version, time, sender, length, text and padding. */
export function sealEnvelope(recipient: UserRow, senderId: Uint8Array, text: string): string {
  const length = Buffer.byteLength(text);
  const padded = Buffer.alloc(sizeClass(TEXT_OFFSET + length + OVERHEAD) - OVERHEAD);
  padded[0] = 1;
  padded.writeUIntBE(Date.now(), 1, 6);
  padded.set(senderId, 7);
  padded.writeUInt32BE(length, 23);
  padded.write(text, TEXT_OFFSET, 'utf8');
  return sealGcm(userKey(recipient), padded, Buffer.concat([ENVELOPE_PREFIX, recipient.user_id])).toString('base64url');
}

export function openEnvelope(user: UserRow, envelope: string): string {
  const sealed = Buffer.from(envelope, 'base64url');
  const plaintext = openGcm(userKey(user), sealed, Buffer.concat([ENVELOPE_PREFIX, user.user_id]));
  return plaintext.toString('utf8', TEXT_OFFSET, TEXT_OFFSET + plaintext.readUInt32BE(23));
}

function userKey({ user_id, wrapped_key }: UserRow): Buffer {
  return openGcm(keyEncryptionKey, wrapped_key, Buffer.concat([WRAPPING_PREFIX, user_id]));
}
