// KEM keys of handshakes, with their signed descriptors.
import { hash } from 'node:crypto';
import {
  descriptorToSign,
  encodeDescriptor,
  KEM_SEED_LENGTH,
  keyIdInput,
  type SignedDescriptor,
} from '../../protocol/suite2.ts';
import { openAead, sealAead } from '../crypto/aead.ts';
import { randomBytes } from '../crypto/random.ts';
import { type XWingKeyPair, xwingKeyPair } from '../crypto/xwing.ts';
import { holdEpoch } from '../store/epochs.ts';
import { findKemKey, findNewestKemKey, insertKemKey, type KemKeyRow, lockIdentityKeys } from '../store/identityKeys.ts';
import type { Transaction } from '../store/store.ts';
import type { EpochKeys } from './epochKeys.ts';
import type { Identity } from './identity.ts';
import type { MasterKey } from './masterKey.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Time for which new clients receive a KEM key. */
export const KEM_KEY_ROTATION_MS = 30 * DAY_MS;
/** Time for which handshakes with a KEM key succeed. It is erased afterwards, so recorded handshakes stay closed. */
export const KEM_KEY_LIFETIME_MS = 37 * DAY_MS;
/** A key is valid from some time before it was created, because the clocks of clients are not exact. */
const CLOCK_TOLERANCE_MS = DAY_MS;

interface OpenedKey {
  readonly keyPair: XWingKeyPair;
  readonly notAfter: number;
}

/** The KEM keys of handshakes. They rotate by themselves, and all processes have the same ones. */
export class KemKeys {
  readonly #sealingKey: Uint8Array;
  readonly #epochKeys: EpochKeys;
  readonly #identity: Identity;
  readonly #clock: () => number;
  /** At most two or three entries. Opening a key costs as much as half a handshake. */
  readonly #opened = new Map<string, OpenedKey>();
  #newest: KemKeyRow | undefined;

  constructor(masterKey: MasterKey, epochKeys: EpochKeys, identity: Identity, clock: () => number) {
    this.#sealingKey = masterKey.derive('vws kem keys');
    this.#epochKeys = epochKeys;
    this.#identity = identity;
    this.#clock = clock;
  }

  /** Returns the key for new clients, and creates one if none is fresh. */
  async current(transaction: Transaction): Promise<SignedDescriptor> {
    if (this.#isFresh(this.#newest)) return this.#newest;
    let stored = await findNewestKemKey(transaction, this.#identity.publicKey, this.#clock());
    if (!this.#isUsable(stored)) {
      await lockIdentityKeys(transaction);
      // Another process may have created one in the meantime.
      stored = await findNewestKemKey(transaction, this.#identity.publicKey, this.#clock());
      await holdEpoch(transaction);
    }
    const key = this.#isUsable(stored) ? stored : this.#createKey();
    if (key !== stored) await insertKemKey(transaction, key);
    // After the commit only: a key made in this transaction, or in one of the same group, may be rolled back with it.
    transaction.afterCommit(() => {
      this.#newest = key;
    });
    return key;
  }

  /** @returns undefined if there is no such key, or it has expired */
  async find(transaction: Transaction, kid: Uint8Array): Promise<XWingKeyPair | undefined> {
    this.#forgetExpired();
    const name = Buffer.from(kid).toString('base64');
    const known = this.#opened.get(name);
    if (known) return known.keyPair;
    const row = await findKemKey(transaction, kid);
    if (!row || row.not_after <= this.#clock()) return undefined;
    const key = this.#open(row);
    if (!key) return undefined;
    this.#opened.set(name, key);
    return key.keyPair;
  }

  #isFresh(key: KemKeyRow | undefined): key is KemKeyRow {
    if (!key) return false;
    const now = this.#clock();
    return now >= key.not_before && now < key.not_before + CLOCK_TOLERANCE_MS + KEM_KEY_ROTATION_MS;
  }

  /** A key is not usable if the epoch file, and with it its seed, was lost. */
  #isUsable(key: KemKeyRow | undefined): key is KemKeyRow {
    return this.#isFresh(key) && this.#unwrap(key) !== undefined;
  }

  #unwrap({ sealed_seed, epoch_id }: KemKeyRow): Uint8Array | undefined {
    return this.#epochKeys.unwrap({ bytes: sealed_seed, epochId: epoch_id });
  }

  #createKey(): KemKeyRow {
    const now = this.#clock();
    const seed = randomBytes(KEM_SEED_LENGTH);
    const { publicKey } = xwingKeyPair(seed);
    const times = { notBefore: now - CLOCK_TOLERANCE_MS, notAfter: now + KEM_KEY_LIFETIME_MS };
    const descriptor = encodeDescriptor({ ...times, publicKey });
    const identity = this.#identity.publicKey;
    const wrapped = this.#epochKeys.wrap(sealAead(this.#sealingKey, seed, descriptor));
    return {
      kid: hash('sha256', keyIdInput(identity, descriptor), 'buffer'),
      identity,
      descriptor,
      signature: this.#identity.sign(descriptorToSign(descriptor)),
      sealed_seed: wrapped.bytes,
      epoch_id: wrapped.epochId,
      not_before: times.notBefore,
      not_after: times.notAfter,
    };
  }

  /** @returns undefined if the key of its epoch was lost */
  #open(row: KemKeyRow): OpenedKey | undefined {
    const sealed = this.#unwrap(row);
    if (!sealed) return undefined;
    const seed = openAead(this.#sealingKey, sealed, row.descriptor);
    if (!seed) throw new Error('a KEM key does not open: the database was altered or damaged');
    return { keyPair: xwingKeyPair(seed), notAfter: row.not_after };
  }

  #forgetExpired(): void {
    for (const [name, { notAfter }] of this.#opened) if (notAfter <= this.#clock()) this.#opened.delete(name);
  }
}
