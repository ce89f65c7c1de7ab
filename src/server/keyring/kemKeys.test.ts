// KEM keys: rotation, expiry, several processes, damaged rows.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, hash, randomBytes, verify } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { noEpochs, openEpochs } from '../../../test/support/epochs.ts';
import { createFakeTime } from '../../../test/support/fakeTime.ts';
import { newStoreLocation } from '../../../test/support/store.ts';
import { openTwoStores } from '../../../test/support/storeFixtures.ts';
import { decodeDescriptor, type SignedDescriptor } from '../../protocol/suite2.ts';
import { expiryTimes } from '../config/retention.ts';
import { xwingDecapsulate, xwingEncapsulate } from '../crypto/xwing.ts';
import { deleteExpired } from '../store/expiry.ts';
import type { Store } from '../store/store.ts';
import { type Identity, loadIdentity } from './identity.ts';
import { KEM_KEY_LIFETIME_MS, KEM_KEY_ROTATION_MS, KemKeys } from './kemKeys.ts';
import { MasterKey } from './masterKey.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

async function createHarness(t: TestContext) {
  const [store, otherStore] = await openTwoStores(t, await newStoreLocation(t));
  const time = createFakeTime();
  const masterKey = new MasterKey(randomBytes(32));
  const identity = await loadIdentity(store, masterKey, undefined, time.clock());
  const { keys: epochKeys } = openEpochs(t);
  const start = (by: Identity = identity, on: Store = store, key = masterKey, epochs = epochKeys) => ({
    store: on,
    keys: new KemKeys(key, epochs, by, time.clock),
  });
  const { keys: ownKeys } = start();
  const config = { sessionIdleMs: 1, messages: { receiptMs: 1 } };
  return {
    ...{ store, otherStore, time, identity, start },
    keys: ownKeys,
    /** Returns the key that new clients receive. */
    current: (keys: KemKeys = ownKeys, on: Store = store) => on.transaction((tx) => keys.current(tx)),
    find: (descriptor: SignedDescriptor, keys: KemKeys = ownKeys) =>
      store.transaction((tx) => keys.find(tx, kidOf(descriptor))),
    rows: () => store.transaction(({ db }) => db.selectFrom('kem_keys').selectAll().orderBy('not_before').execute()),
    sweep: () => store.transaction((tx) => deleteExpired(tx, expiryTimes(config)(time.clock()), 100)),
  };
}

const kidOf = ({ identity, descriptor }: SignedDescriptor) =>
  hash('sha256', Buffer.concat([identity, descriptor]), 'buffer');
const nameOf = (descriptor: SignedDescriptor) => kidOf(descriptor).toString('hex');

test('after the epoch file was lost, clients get a new KEM key', async (t) => {
  const { current, find, start, identity, store, time } = await createHarness(t);
  const signed = await current();
  time.advance(1);
  const { keys } = start(identity, store, undefined, openEpochs(t).keys);
  assert.equal(await find(signed, keys), undefined);
  const replacement = await current(keys);
  assert.notEqual(nameOf(replacement), nameOf(signed));
  assert.ok(await find(replacement, keys));
  assert.equal(nameOf(await current(keys)), nameOf(replacement));
});

describe('the current KEM key', () => {
  test('is signed by the identity, valid from a day before its creation, and decapsulates', async (t) => {
    const { time, identity, current, find } = await createHarness(t);
    const signed = await current();
    assert.deepEqual(Buffer.from(signed.identity), Buffer.from(identity.publicKey));
    const raw = { key: Buffer.from(identity.publicKey), format: 'raw-public', asymmetricKeyType: 'ed25519' } as const;
    const message = Buffer.concat([Buffer.from('vws2 descriptor '), signed.descriptor]);
    assert.ok(verify(null, message, createPublicKey(raw), signed.signature));
    const descriptor = decodeDescriptor(signed.descriptor);
    assert.ok(descriptor);
    const now = time.clock();
    assert.deepEqual([descriptor.notBefore, descriptor.notAfter], [now - DAY_MS, now + 37 * DAY_MS]);
    const encapsulation = xwingEncapsulate(descriptor.publicKey);
    const keyPair = await find(signed);
    assert.ok(encapsulation && keyPair);
    assert.deepEqual(xwingDecapsulate(keyPair, encapsulation.ciphertext), encapsulation.sharedSecret);
  });

  test('is the same for concurrent calls in several processes', async (t) => {
    const { otherStore, keys, start, current, rows } = await createHarness(t);
    const other = start(undefined, otherStore);
    const askAll = () =>
      Promise.all(Array.from({ length: 10 }, (_, n) => (n % 2 ? current(keys) : current(other.keys, other.store))));
    const names = new Set((await askAll()).map(nameOf));
    assert.equal(names.size, 1);
    for (const signed of await askAll()) names.add(nameOf(signed));
    names.add(nameOf(await current(start().keys)));
    assert.equal(names.size, 1);
    assert.equal((await rows()).length, 1);
  });

  test('rotates exactly after 30 days, in all processes', async (t) => {
    assert.equal(KEM_KEY_ROTATION_MS, 30 * DAY_MS);
    const { otherStore, time, keys, start, current, rows } = await createHarness(t);
    const other = start(undefined, otherStore);
    const first = nameOf(await current());
    time.advance(30 * DAY_MS - 1);
    assert.equal(nameOf(await current()), first);
    assert.equal(nameOf(await current(other.keys, otherStore)), first);
    assert.equal(nameOf(await current(start().keys)), first);
    time.advance(1);
    const asked = Array.from({ length: 10 }, (_, n) => (n % 2 ? current(keys) : current(other.keys, otherStore)));
    const [second, ...others] = new Set((await Promise.all(asked)).map(nameOf));
    assert.notEqual(second, first);
    assert.deepEqual(others, []);
    assert.equal((await rows()).length, 2);
    time.advance(30 * DAY_MS);
    assert.ok(![first, second].includes(nameOf(await current())));
  });

  test('is always stored: a key of a rolled back transaction is not used', async (t) => {
    const { store, keys, current, find, rows } = await createHarness(t);
    const undone = store.transaction(async (tx) => {
      await keys.current(tx);
      // Read in the same transaction, or in another one of the same group.
      await keys.current(tx);
      throw new Error('the disk is full');
    });
    await assert.rejects(undone, /disk is full/);
    assert.deepEqual(await rows(), []);
    assert.ok(await find(await current()));
    assert.equal((await rows()).length, 1);
  });

  test('is never one from the future, created while the clock was wrong', async (t) => {
    const { start, current, rows, identity, time } = await createHarness(t);
    let now = time.clock() + 400 * DAY_MS;
    const masterKey = new MasterKey(randomBytes(32));
    const keys = new KemKeys(masterKey, noEpochs, identity, () => now);
    const ofTheFuture = nameOf(await current(keys));
    now = time.clock();
    const signed = await current(keys);
    assert.notEqual(nameOf(signed), ofTheFuture);
    const { notBefore = Number.POSITIVE_INFINITY } = decodeDescriptor(signed.descriptor) ?? {};
    assert.ok(notBefore <= now);
    // It stays the current one, also in a process that starts now.
    assert.equal(nameOf(await current(keys)), nameOf(signed));
    assert.equal(nameOf(await current(start().keys)), nameOf(signed));
    assert.equal((await rows()).length, 2);
  });

  test('is never one signed by another identity', async (t) => {
    const { otherStore, time, start, current, rows } = await createHarness(t);
    const before = await current();
    const { privateKey } = generateKeyPairSync('ed25519');
    const given = await loadIdentity(otherStore, new MasterKey(randomBytes(32)), privateKey, time.clock());
    const after = start(given);
    const signed = await current(after.keys);
    assert.notEqual(nameOf(signed), nameOf(before));
    assert.deepEqual(Buffer.from(signed.identity), Buffer.from(given.publicKey));
    assert.equal(nameOf(await current(start(given).keys)), nameOf(signed));
    // The key signed by the first identity still exists.
    assert.equal(nameOf(await current(start().keys)), nameOf(before));
    assert.equal((await rows()).length, 2);
  });
});

describe('finding a KEM key', () => {
  test('succeeds in every process until the key expires, whether it was opened before or not', async (t) => {
    assert.equal(KEM_KEY_LIFETIME_MS, 37 * DAY_MS);
    const { time, keys, start, current, find } = await createHarness(t);
    const first = await current();
    time.advance(30 * DAY_MS);
    const second = await current();
    time.advance(7 * DAY_MS - 1);
    for (const opener of [keys, start().keys]) {
      const found = await find(first, opener);
      assert.deepEqual(found && Buffer.from(found.publicKey), Buffer.from(first.descriptor.subarray(17)));
    }
    const opened = start().keys;
    await find(first, opened);
    time.advance(1);
    for (const opener of [keys, opened, start().keys]) {
      assert.equal(await find(first, opener), undefined);
      assert.ok(await find(second, opener));
    }
  });

  test('returns undefined for an unknown key', async (t) => {
    const { store, keys, current } = await createHarness(t);
    const kid = kidOf(await current());
    for (const unknown of [randomBytes(32), kid.subarray(1), Buffer.alloc(0)]) {
      assert.equal(await store.transaction((tx) => keys.find(tx, unknown)), undefined);
    }
  });

  test('fails after expiry, when the key is erased; not before', async (t) => {
    const { time, keys, current, find, rows, sweep } = await createHarness(t);
    const first = await current();
    time.advance(30 * DAY_MS);
    const second = await current();
    time.advance(7 * DAY_MS - 1);
    await sweep();
    assert.ok(await find(first, keys));
    assert.equal((await rows()).length, 2);
    time.advance(1);
    await sweep();
    assert.deepEqual(
      (await rows()).map(({ kid }) => Buffer.from(kid)),
      [kidOf(second)],
    );
  });

  test('throws if the row was altered or the master key is another one', async (t) => {
    const { store, identity, start, current, find, rows } = await createHarness(t);
    const signed = await current();
    const [row] = await rows();
    assert.ok(row);
    const set = (change: object) => store.transaction(({ db }) => db.updateTable('kem_keys').set(change).execute());
    const altered = Buffer.from(row.sealed_seed);
    altered.writeUInt8(altered.readUInt8(20) ^ 1, 20);
    await set({ sealed_seed: altered });
    await assert.rejects(find(signed, start().keys), /does not open: the database was altered or damaged/);
    const descriptor = Buffer.from(row.descriptor);
    descriptor.writeUInt8(descriptor.readUInt8(9) ^ 1, 9);
    await set({ sealed_seed: row.sealed_seed, descriptor });
    await assert.rejects(find(signed, start().keys), /does not open/);
    await set({ descriptor: row.descriptor });
    await assert.rejects(find(signed, start(identity, store, new MasterKey(randomBytes(32))).keys), /does not open/);
    assert.ok(await find(signed, start().keys));
  });

  test('needs the master key: the seed of 32 bytes is encrypted in the database', async (t) => {
    const { current, rows } = await createHarness(t);
    await current();
    const [row] = await rows();
    assert.equal(row?.sealed_seed.length, 16 + (12 + 32 + 16));
  });
});
