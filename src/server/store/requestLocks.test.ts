// Queries of request locks.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { newStoreLocation } from '../../../test/support/store.ts';
import { openTwoStores, race } from '../../../test/support/storeFixtures.ts';
import { acquireRequestLock, type RequestLock, releaseRequestLock } from './requestLocks.ts';

const NOW = 1_000;
const LEASE_UNTIL = 1_500;

/** Creates locks of different workers for one request. */
function createLocksOfOneRequest() {
  const [step_id, request_hash] = [randomBytes(32), randomBytes(32)];
  return (leaseUntil = LEASE_UNTIL): RequestLock => ({
    step_id,
    request_hash,
    lock_token: randomBytes(16),
    lease_until: leaseUntil,
  });
}

async function createHarness(t: TestContext) {
  const stores = await openTwoStores(t, await newStoreLocation(t));
  return {
    stores,
    lock: (lock: RequestLock, now: number) => stores[0].transaction((tx) => acquireRequestLock(tx, lock, now)),
    release: (lock: RequestLock) => stores[1].transaction((tx) => releaseRequestLock(tx, lock)),
  };
}

describe('acquireRequestLock', () => {
  test('concurrent calls in two processes: one acquires the lock', async (t) => {
    const { stores } = await createHarness(t);
    const newLock = createLocksOfOneRequest();
    const got = await race(stores, 30, (tx) => acquireRequestLock(tx, newLock(), NOW));
    assert.equal(got.filter(Boolean).length, 1);
  });

  test('concurrent calls at the end of a lease: one takes the lock over, not a millisecond before', async (t) => {
    const { stores, lock } = await createHarness(t);
    const newLock = createLocksOfOneRequest();
    assert.equal(await lock(newLock(), NOW), true);
    assert.equal(await lock(newLock(), LEASE_UNTIL - 1), false);
    const got = await race(stores, 30, (tx) => acquireRequestLock(tx, newLock(LEASE_UNTIL + 500), LEASE_UNTIL));
    assert.equal(got.filter(Boolean).length, 1);
  });

  test('locks of other requests and other steps are independent', async (t) => {
    const { lock } = await createHarness(t);
    const one = createLocksOfOneRequest()();
    assert.equal(await lock(one, NOW), true);
    assert.equal(await lock({ ...one, step_id: randomBytes(32) }, NOW), true);
    assert.equal(await lock({ ...one, request_hash: randomBytes(32) }, NOW), true);
  });
});

describe('releaseRequestLock', () => {
  test('releases the lock once', async (t) => {
    const { lock, release } = await createHarness(t);
    const newLock = createLocksOfOneRequest();
    const [first, second] = [newLock(), newLock()];
    await lock(first, NOW);
    assert.equal(await release(first), true);
    assert.equal(await release(first), false);
    assert.equal(await lock(second, NOW), true);
  });

  test('reports a lost lock, and does not release the one of another worker', async (t) => {
    const { lock, release } = await createHarness(t);
    const newLock = createLocksOfOneRequest();
    const [slow, other] = [newLock(), newLock(LEASE_UNTIL + 500)];
    await lock(slow, NOW);
    await lock(other, LEASE_UNTIL);
    assert.equal(await release(slow), false);
    assert.equal(await lock(newLock(), LEASE_UNTIL), false);
    assert.equal(await release(other), true);
  });
});
