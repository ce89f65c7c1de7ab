// Message keys of the users.
import { randomBytes, randomInt } from 'node:crypto';
import { KEY_LENGTH, openAead, sealAead } from '../crypto/aead.ts';
import type { Transaction } from '../store/store.ts';
import { findUserKeys, insertUserKey, type UserKeyRow } from '../store/userKeys.ts';
import type { MasterKey } from './masterKey.ts';

/** Time for which one version of a user's key encrypts. Old versions remain usable for decryption. */
export const USER_KEY_LIFETIME_MS = 365 * 24 * 60 * 60 * 1000;

/**
 * A key is replaced at one of this many messages, chosen at random. Random nonces limit a key to 2³² messages (NIST SP
 * 800-38D, 8.3). Without a count, which every message would have to write, a key exceeds that with probability
 * (1 − 2⁻²⁴)^(2³²) = e⁻²⁵⁶.
 */
export const MESSAGES_PER_KEY = 2 ** 24;

/** One version of a user's message key. */
export interface UserKey {
  readonly version: number;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** The message keys of the users: random, versioned, stored wrapped under the master key. */
export class UserKeyring {
  readonly #masterKeyId: string;
  readonly #keyEncryptionKey: Uint8Array;
  readonly #randomBelow: (max: number) => number;

  /** @param randomBelow returns a random integer from 0 to max - 1 */
  constructor(masterKey: MasterKey, randomBelow: (max: number) => number = randomInt) {
    this.#randomBelow = randomBelow;
    this.#masterKeyId = masterKey.id;
    this.#keyEncryptionKey = masterKey.derive('vws user keys');
  }

  /** Creates the first key of a new user. */
  async createKey(transaction: Transaction, userId: Uint8Array, now: number): Promise<void> {
    await this.#addKey(transaction, userId, 1, now);
  }

  /** Returns the key for new messages to this user, and replaces one that has encrypted for long enough. */
  async currentKey(transaction: Transaction, userId: Uint8Array, now: number): Promise<UserKey> {
    const newest = await newestKey(transaction, userId);
    const isOld = now - newest.created_at >= USER_KEY_LIFETIME_MS;
    if (!isOld && this.#randomBelow(MESSAGES_PER_KEY) > 0) return this.#unwrapCurrent(newest);
    await this.#addKey(transaction, userId, newest.version + 1, now);
    // Read again: another process may have created that version first.
    return this.#unwrapCurrent(await newestKey(transaction, userId));
  }

  /** Returns the key (32 bytes) of a version that has encrypted a message for this user. */
  async keyOfVersion(transaction: Transaction, userId: Uint8Array, version: number): Promise<Uint8Array> {
    const row = (await findUserKeys(transaction, userId)).find((key) => key.version === version);
    if (!row) throw new Error(`user key version ${version} is missing: the database was altered or damaged`);
    return this.#unwrap(row);
  }

  /** Returns every key that messages for this user may be encrypted with, the newest first. */
  async allKeys(transaction: Transaction, userId: Uint8Array): Promise<Uint8Array[]> {
    return (await findUserKeys(transaction, userId)).map((row) => this.#unwrap(row));
  }

  #unwrapCurrent(row: UserKeyRow): UserKey {
    return { version: row.version, key: this.#unwrap(row) };
  }

  #unwrap(row: UserKeyRow): Uint8Array {
    const key = openAead(this.#keyEncryptionKey, row.wrapped_key, wrappingContext(row.user_id, row.version));
    if (!key) throw new Error(`user key version ${row.version} does not open: the database was altered or damaged`);
    return key;
  }

  async #addKey(tx: Transaction, userId: Uint8Array, version: number, now: number): Promise<void> {
    const key = randomBytes(KEY_LENGTH);
    await insertUserKey(tx, {
      user_id: userId,
      version,
      master_key_id: this.#masterKeyId,
      wrapped_key: sealAead(this.#keyEncryptionKey, key, wrappingContext(userId, version)),
      created_at: now,
    });
  }
}

async function newestKey(tx: Transaction, userId: Uint8Array): Promise<UserKeyRow> {
  const [newest] = await findUserKeys(tx, userId);
  if (!newest) throw new Error('a user without a message key: the database was altered or damaged');
  return newest;
}

/** Binds a wrapped key to its user and version, so that rows of the database cannot be exchanged. */
function wrappingContext(userId: Uint8Array, version: number): Uint8Array {
  return Buffer.concat([Buffer.from('vws user key '), userId, Buffer.from(` ${version}`)]);
}
