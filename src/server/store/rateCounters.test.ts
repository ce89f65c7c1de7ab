// Counting of events in windows.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { newStoreLocation } from '../../../test/support/store.ts';
import { openTwoStores, race } from '../../../test/support/storeFixtures.ts';
import { countEvent } from './rateCounters.ts';

test('N concurrent events in two processes count as N', async (t) => {
  const stores = await openTwoStores(t, await newStoreLocation(t));
  const key = randomBytes(32);
  const counts = await race(stores, 40, (tx) => countEvent(tx, key, 1_000));
  assert.deepEqual(
    counts.sort((a, b) => a - b),
    Array.from({ length: 40 }, (_, index) => index + 1),
  );
});

test('a new window starts at 1, also with concurrent events; counters are independent', async (t) => {
  const stores = await openTwoStores(t, await newStoreLocation(t));
  const [key, other] = [randomBytes(32), randomBytes(32)];
  const count = (counterKey: Uint8Array, window: number) =>
    stores[0].transaction((tx) => countEvent(tx, counterKey, window));
  assert.equal(await count(key, 1_000), 1);
  assert.equal(await count(key, 1_000), 2);
  const counts = await race(stores, 10, (tx) => countEvent(tx, key, 2_000));
  assert.deepEqual(
    counts.sort((a, b) => a - b),
    Array.from({ length: 10 }, (_, index) => index + 1),
  );
  assert.equal(await count(other, 2_000), 1);
});

test('an event of a rolled back transaction is not counted', async (t) => {
  const [store] = await openTwoStores(t, await newStoreLocation(t));
  const key = randomBytes(32);
  const refused = store.transaction(async (tx) => {
    await countEvent(tx, key, 1_000);
    throw new Error('refused');
  });
  await assert.rejects(refused, /refused/);
  assert.equal(await store.transaction((tx) => countEvent(tx, key, 1_000)), 1);
});
