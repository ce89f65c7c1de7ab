// Queries of account recoveries.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { newStoreLocation } from '../../../test/support/store.ts';
import { openTwoStores, race } from '../../../test/support/storeFixtures.ts';
import {
  confirmRecovery,
  consumeRecovery,
  countRecoveryTry,
  deleteUnusedRecoveries,
  findConfirmedRecovery,
  insertRecovery,
  type Recovery,
} from './recoveries.ts';
import type { Store } from './store.ts';
import { insertUser } from './users.ts';

const NOW = 1_000;
const END = 2_000;
const MAX_TRIES = 5;

interface Harness {
  readonly stores: readonly [Store, Store];
  readonly store: Store;
  insert(changes?: Partial<Recovery>): Promise<Uint8Array>;
}

async function createHarness(t: TestContext): Promise<Harness> {
  const stores = await openTwoStores(t, await newStoreLocation(t));
  const [store] = stores;
  return {
    stores,
    store,
    async insert(changes = {}) {
      const recovery: Recovery = {
        recovery_id: randomBytes(16),
        user_id: null,
        code_hash: randomBytes(32),
        tries: 0,
        expires_at: END,
        confirmed_at: null,
        used_at: null,
        email_hash: null,
        code_id: null,
        client_key: null,
        group_key: null,
        ...changes,
      };
      await store.transaction((tx) => insertRecovery(tx, recovery));
      return recovery.recovery_id;
    },
  };
}

async function insertSomebody(store: Store): Promise<Uint8Array> {
  const userId = randomBytes(16);
  const name = userId.toString('hex');
  const user = {
    user_id: userId,
    username: name,
    username_key: name,
    email: name,
    email_key: name,
    password_hash: '',
    created_at: 0,
  };
  assert.equal(await store.transaction((tx) => insertUser(tx, user)), true);
  return userId;
}

const count = (things: readonly unknown[]) => things.filter((thing) => thing).length;

describe('countRecoveryTry', () => {
  test('concurrent tries in two processes: five are counted, the others rejected', async (t) => {
    const { stores, insert } = await createHarness(t);
    const id = await insert();
    const tries = await race(stores, 30, (tx) => countRecoveryTry(tx, id, NOW, MAX_TRIES));
    assert.deepEqual(tries.flatMap((recovery) => recovery?.tries ?? []).sort(), [1, 2, 3, 4, 5]);
  });

  test('rejects tries after expiry, after confirmation and for an unknown recovery', async (t) => {
    const { store, insert } = await createHarness(t);
    const tryAt = (id: Uint8Array, now: number) => store.transaction((tx) => countRecoveryTry(tx, id, now, MAX_TRIES));
    const id = await insert();
    assert.equal(await tryAt(id, END), undefined);
    assert.equal((await tryAt(id, END - 1))?.tries, 1);
    assert.equal(await tryAt(await insert({ confirmed_at: NOW }), NOW), undefined);
    assert.equal(await tryAt(randomBytes(16), NOW), undefined);
  });
});

describe('consumeRecovery', () => {
  test('concurrent calls in two processes: one consumes the recovery', async (t) => {
    const { stores, insert } = await createHarness(t);
    const id = await insert({ confirmed_at: NOW });
    assert.equal(count(await race(stores, 30, (tx) => consumeRecovery(tx, id, NOW))), 1);
    assert.equal(await stores[1].transaction((tx) => findConfirmedRecovery(tx, id, NOW)), undefined);
  });

  test('rejects unconfirmed, expired and used recoveries', async (t) => {
    const { store, insert } = await createHarness(t);
    const useAt = (id: Uint8Array, now: number) => store.transaction((tx) => consumeRecovery(tx, id, now));
    assert.equal(await useAt(await insert(), NOW), false);
    assert.equal(await useAt(await insert({ confirmed_at: NOW, used_at: NOW }), NOW), false);
    const id = await insert({ confirmed_at: NOW });
    assert.equal(await useAt(id, END), false);
    assert.equal(await useAt(id, END - 1), true);
  });
});

test('a confirmed recovery is found until it is used or expires; the confirmation sets the expiry', async (t) => {
  const { store, insert } = await createHarness(t);
  const find = (id: Uint8Array, now: number) => store.transaction((tx) => findConfirmedRecovery(tx, id, now));
  const id = await insert();
  assert.equal(await find(id, NOW), undefined);
  await store.transaction((tx) => confirmRecovery(tx, id, NOW, END + 500));
  assert.equal((await find(id, END + 499))?.confirmed_at, NOW);
  assert.equal(await find(id, END + 500), undefined);
});

test('deleteUnusedRecoveries deletes the unused recoveries of one user', async (t) => {
  const { store, insert } = await createHarness(t);
  const [user, other] = [await insertSomebody(store), await insertSomebody(store)];
  const ended = [await insert({ user_id: user }), await insert({ user_id: user, confirmed_at: NOW })];
  const kept = [
    await insert({ user_id: user, confirmed_at: NOW, used_at: NOW }),
    await insert({ user_id: other }),
    await insert(),
  ];
  await store.transaction((tx) => deleteUnusedRecoveries(tx, user));
  const rows = await store.transaction(({ db }) => db.selectFrom('recoveries').select('recovery_id').execute());
  const left = new Set(rows.map(({ recovery_id }) => Buffer.from(recovery_id).toString('hex')));
  assert.deepEqual(left, new Set(kept.map((id) => Buffer.from(id).toString('hex'))));
  assert.equal(ended.length + left.size, 5);
});
