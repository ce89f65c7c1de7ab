import { hash } from 'node:crypto';
import { descriptorToSign, encodeDescriptor, KEM_SEED_LENGTH } from '../../protocol/suite2.ts';
import { openAead, sealAead } from '../crypto/aead.ts';
import { randomBytes } from '../crypto/random.ts';
import { type XWingKeyPair, xwingKeyPair } from '../crypto/xwing.ts';
import { findKemKey, findNewestKemKey, insertKemKey, type KemKeyRow, lockIdentityKeys } from '../store/identityKeys.ts';
import type { Transaction } from '../store/store.ts';
import type { Identity } from './identity.ts';
import type { MasterKey } from './masterKey.ts';

const DAY = 24 * 60 * 60 * 1000;
/** How long a KEM key is the one that new clients get, in milliseconds. */
export const KEM_KEY_ROTATION = 30 * DAY;
/** How long handshakes are made with it: after that it is erased, and what was recorded with it stays closed. */
export const KEM_KEY_LIFETIME = 37 * DAY;
/** A key is good from somewhat before it was made: clients' clocks are not exact. */
const CLOCK_TOLERANCE = DAY;

/** A KEM key as clients ask for it. */
export interface SignedDescriptor {
  readonly identity: Uint8Array;
  readonly descriptor: Uint8Array;
  readonly signature: Uint8Array;
}

/** The keys of handshakes: they rotate by themselves, and all processes have the same ones. */
export interface KemKeys {
  /** The key that new clients get; makes one if there is none or it is worn out. */
  current(transaction: Transaction): Promise<SignedDescriptor>;
  /** @returns undefined if there is no such key, or it is over */
  find(transaction: Transaction, kid: Uint8Array): Promise<XWingKeyPair | undefined>;
}

interface OpenedKey {
  readonly keyPair: XWingKeyPair;
  readonly notAfter: number;
}

export function createKemKeys(masterKey: MasterKey, identity: Identity, clock: () => number): KemKeys {
  const sealingKey = masterKey.derive('vws kem keys');
  /** Opening a key costs as much as half a handshake. There are never more than two or three. */
  const opened = new Map<string, OpenedKey>();
  let newest: KemKeyRow | undefined;

  const isFresh = (key: KemKeyRow | undefined): key is KemKeyRow =>
    key !== undefined && clock() >= key.not_before && clock() < key.not_before + CLOCK_TOLERANCE + KEM_KEY_ROTATION;

  async function makeKey(): Promise<KemKeyRow> {
    const now = clock();
    const seed = randomBytes(KEM_SEED_LENGTH);
    const { publicKey } = xwingKeyPair(seed);
    const times = { notBefore: now - CLOCK_TOLERANCE, notAfter: now + KEM_KEY_LIFETIME };
    const descriptor = encodeDescriptor({ ...times, publicKey });
    return {
      kid: hash('sha256', descriptor, 'buffer'),
      identity: identity.publicKey,
      descriptor,
      signature: identity.sign(descriptorToSign(descriptor)),
      sealed_seed: sealAead(sealingKey, seed, descriptor),
      not_before: times.notBefore,
      not_after: times.notAfter,
    };
  }

  function open({ sealed_seed, descriptor, not_after }: KemKeyRow): OpenedKey {
    const seed = openAead(sealingKey, sealed_seed, descriptor);
    if (!seed) throw new Error('a KEM key does not open: the database was altered or damaged');
    return { keyPair: xwingKeyPair(seed), notAfter: not_after };
  }

  function forgetEnded(): void {
    for (const [name, { notAfter }] of opened) if (notAfter <= clock()) opened.delete(name);
  }

  return {
    async current(tx) {
      if (isFresh(newest)) return newest;
      let stored = await findNewestKemKey(tx, identity.publicKey, clock());
      if (!isFresh(stored)) {
        await lockIdentityKeys(tx);
        // Another process may have been faster.
        stored = await findNewestKemKey(tx, identity.publicKey, clock());
      }
      const key = isFresh(stored) ? stored : await makeKey();
      if (key !== stored) await insertKemKey(tx, key);
      // Not before: it may have been made in this transaction, or in one of the same group, and go with it.
      tx.afterCommit(() => {
        newest = key;
      });
      return key;
    },

    async find(tx, kid) {
      forgetEnded();
      const name = Buffer.from(kid).toString('base64');
      const known = opened.get(name);
      if (known) return known.keyPair;
      const row = await findKemKey(tx, kid);
      if (!row || row.not_after <= clock()) return undefined;
      const key = open(row);
      opened.set(name, key);
      return key.keyPair;
    },
  };
}
