import { randomBytes } from 'node:crypto';
import { KEY_LENGTH, openAead, sealAead } from '../crypto/aead.ts';
import type { Transaction } from '../store/store.ts';
import { findUserKeys, insertUserKey, type UserKeyRow } from '../store/userKeys.ts';
import type { MasterKey } from './masterKey.ts';

/**
 * How long one version of a user's key encrypts, in milliseconds. Random nonces want fewer than 2³² messages a key
 * (NIST SP 800-38D, 8.3); a year bounds that for any sender, and old versions go on decrypting for ever.
 */
export const USER_KEY_LIFETIME = 365 * 24 * 60 * 60 * 1000;

/** The message keys of the users: random, versioned, stored wrapped under the master key. */
export interface UserKeyring {
  /** Makes the first key of a new user. */
  createKey(transaction: Transaction, userId: Uint8Array, now: number): Promise<void>;
  /** @returns the 32-byte key that messages for this user are encrypted with now; a worn-out one is replaced */
  currentKey(transaction: Transaction, userId: Uint8Array, now: number): Promise<Uint8Array>;
  /** @returns every key that messages for this user may have been encrypted with, the newest first */
  allKeys(transaction: Transaction, userId: Uint8Array): Promise<Uint8Array[]>;
}

export function createUserKeyring(masterKey: MasterKey): UserKeyring {
  const keyEncryptionKey = masterKey.derive('vws user keys');

  function unwrap(row: UserKeyRow): Uint8Array {
    const key = openAead(keyEncryptionKey, row.wrapped_key, wrappingContext(row.user_id, row.version));
    if (!key) throw new Error(`user key version ${row.version} does not open: the database was altered or damaged`);
    return key;
  }

  async function addKey(tx: Transaction, userId: Uint8Array, version: number, now: number): Promise<void> {
    const wrapped = sealAead(keyEncryptionKey, randomBytes(KEY_LENGTH), wrappingContext(userId, version));
    await insertUserKey(tx, {
      user_id: userId,
      version,
      master_key_id: masterKey.id,
      wrapped_key: wrapped,
      created_at: now,
    });
  }

  async function newestKey(tx: Transaction, userId: Uint8Array): Promise<UserKeyRow> {
    const [newest] = await findUserKeys(tx, userId);
    if (!newest) throw new Error('a user without a message key: the database was altered or damaged');
    return newest;
  }

  return {
    createKey: (tx, userId, now) => addKey(tx, userId, 1, now),
    async currentKey(tx, userId, now) {
      const newest = await newestKey(tx, userId);
      if (now - newest.created_at < USER_KEY_LIFETIME) return unwrap(newest);
      await addKey(tx, userId, newest.version + 1, now);
      // Read back: another process may have made that version first.
      return unwrap(await newestKey(tx, userId));
    },
    async allKeys(tx, userId) {
      return (await findUserKeys(tx, userId)).map(unwrap);
    },
  };
}

/** A wrapped key opens for the user and version it was made for alone: rows cannot be exchanged in the database. */
function wrappingContext(userId: Uint8Array, version: number): Uint8Array {
  return Buffer.concat([Buffer.from('vws user key '), userId, Buffer.from(` ${version}`)]);
}
