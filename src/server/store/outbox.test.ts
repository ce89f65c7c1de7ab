// Leases of outbox rows.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { newStoreLocation } from '../../../test/support/store.ts';
import { openTwoStores, race } from '../../../test/support/storeFixtures.ts';
import {
  findNextMailTime,
  insertOutboxRow,
  leaseDueMails,
  type OutboxRow,
  removeMail,
  rescheduleMail,
} from './outbox.ts';
import type { Store } from './store.ts';

const NOW = 1_000;
const LEASE_UNTIL = 1_500;

async function createHarness(t: TestContext) {
  const stores = await openTwoStores(t, await newStoreLocation(t));
  const [store] = stores;
  return {
    stores,
    store,
    /** Inserts one email for each due time. */
    async insert(...times: readonly number[]): Promise<Uint8Array[]> {
      const ids = times.map(() => randomBytes(16));
      await store.transaction(async (tx) => {
        for (const [index, time] of times.entries()) {
          await insertOutboxRow(tx, {
            mail_id: ids[index] as Uint8Array,
            sealed_mail: randomBytes(8),
            created_at: 0,
            expires_at: 10_000,
            attempts: 0,
            next_attempt_at: time,
            lease_token: null,
          });
        }
      });
      return ids;
    },
  };
}

const lease = (store: Store, now: number, limit = 100): Promise<OutboxRow[]> =>
  store.transaction((tx) => leaseDueMails(tx, { now, leaseUntil: LEASE_UNTIL, leaseToken: randomBytes(16), limit }));

const names = (things: readonly (Uint8Array | OutboxRow)[]) =>
  things.map((thing) => Buffer.from('mail_id' in thing ? thing.mail_id : thing).toString('hex')).sort();

describe('leaseDueMails', () => {
  test('leases each email to one of many workers in two processes, and no more than the limit', async (t) => {
    const { stores, insert } = await createHarness(t);
    const ids = await insert(...Array.from({ length: 40 }, (_, index) => index));
    const leased: OutboxRow[] = [];
    // On PostgreSQL a worker may get fewer emails than are due while others lease the same ones.
    for (let round = 1; leased.length < ids.length; round++) {
      const leases = await race(stores, 20, (tx) =>
        leaseDueMails(tx, { now: NOW, leaseUntil: LEASE_UNTIL, leaseToken: randomBytes(16), limit: 3 }),
      );
      assert.ok(Math.max(...leases.map((mails) => mails.length)) <= 3);
      assert.ok(leases.flat().length > 0, `no mail was leased in round ${round}`);
      leased.push(...leases.flat());
    }
    assert.deepEqual(names(leased), names(ids));
  });

  test('leases due emails, the oldest first, and counts the attempt', async (t) => {
    const { store, insert } = await createHarness(t);
    const [late, first, now] = (await insert(NOW - 1, NOW - 2, NOW, NOW + 1)) as [Uint8Array, Uint8Array, Uint8Array];
    const [earliest] = await lease(store, NOW, 1);
    assert.deepEqual(earliest && names([earliest]), names([first]));
    assert.equal(earliest?.attempts, 1);
    assert.deepEqual(names(await lease(store, NOW)), names([late, now]));
    assert.deepEqual(await lease(store, NOW), []);
  });

  test('leases an email again after its lease has expired', async (t) => {
    const { stores, insert } = await createHarness(t);
    await insert(NOW);
    await lease(stores[0], NOW);
    assert.deepEqual(await lease(stores[1], LEASE_UNTIL - 1), []);
    assert.equal((await lease(stores[1], LEASE_UNTIL))[0]?.attempts, 2);
  });
});

test('only the holder of the lease can reschedule an email', async (t) => {
  const { store, insert } = await createHarness(t);
  await insert(NOW);
  const nextTime = () => store.transaction(findNextMailTime);
  const [slow] = await lease(store, NOW);
  const [holder] = await lease(store, LEASE_UNTIL);
  assert.ok(slow?.lease_token && holder?.lease_token);
  const [lost, held] = [slow.lease_token, holder.lease_token];
  await store.transaction((tx) => rescheduleMail(tx, slow.mail_id, lost, 7_777));
  assert.equal(await nextTime(), LEASE_UNTIL);
  await store.transaction((tx) => rescheduleMail(tx, slow.mail_id, held, 8_888));
  assert.equal(await nextTime(), 8_888);
  await store.transaction((tx) => rescheduleMail(tx, slow.mail_id, held, 9_999));
  assert.equal(await nextTime(), 8_888);
});

test('removeMail ignores the lease, and findNextMailTime returns the next email', async (t) => {
  const { store, insert } = await createHarness(t);
  const [sent] = await insert(NOW, NOW + 50);
  await lease(store, NOW);
  await store.transaction((tx) => removeMail(tx, sent as Uint8Array));
  assert.equal(await store.transaction(findNextMailTime), NOW + 50);
  assert.deepEqual(names(await lease(store, NOW + 50)).length, 1);
});

test('findNextMailTime returns undefined without emails', async (t) => {
  const { store } = await createHarness(t);
  assert.equal(await store.transaction(findNextMailTime), undefined);
});
