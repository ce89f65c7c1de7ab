// Message keys of users: versions, wrapping, damaged rows.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { openTestStore } from '../../../test/support/store.ts';
import type { Row } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { insertUser } from '../store/users.ts';
import { bindMasterKey, MasterKey } from './masterKey.ts';
import { MESSAGES_PER_KEY, USER_KEY_LIFETIME_MS, UserKeyring } from './userKeys.ts';

const BEGIN = Date.UTC(2026, 10, 22);
const masterKey = new MasterKey(randomBytes(32));
const keyring = new UserKeyring(masterKey);

/** Creates a database with users that have their first key. */
async function createHarness(t: TestContext, ...names: string[]) {
  const store = await openTestStore(t);
  await bindMasterKey(store, masterKey, BEGIN);
  const ids = names.map(() => new Uint8Array(randomBytes(16)));
  await store.transaction(async (tx) => {
    for (const [index, name] of names.entries()) {
      const user_id = ids[index] as Uint8Array;
      const row = { user_id, username: name, username_key: name, email: name, email_key: name };
      await insertUser(tx, { ...row, password_hash: 'hash', created_at: BEGIN });
      await keyring.createKey(tx, user_id, BEGIN);
    }
  });
  return {
    store,
    ids: ids as [Uint8Array, Uint8Array],
    currentKey: (id: Uint8Array, now: number) =>
      store.transaction(async (tx) => (await keyring.currentKey(tx, id, now)).key),
    allKeys: (id: Uint8Array) => store.transaction((tx) => keyring.allKeys(tx, id)),
  };
}

const rowsOf = (store: Store): Promise<Row<'user_keys'>[]> =>
  store.transaction(({ db }) => db.selectFrom('user_keys').selectAll().orderBy('version').execute());

test('every user has a different key of 32 bytes, which stays the same', async (t) => {
  const { ids, currentKey, allKeys } = await createHarness(t, 'ada', 'bob');
  const [ada, bob] = await Promise.all(ids.map((id) => currentKey(id, BEGIN)));
  assert.equal(ada?.length, 32);
  assert.notDeepEqual(ada, bob);
  assert.deepEqual(await currentKey(ids[0], BEGIN + USER_KEY_LIFETIME_MS - 1), ada);
  assert.deepEqual(await allKeys(ids[0]), [ada]);
});

test('the database does not contain the key itself', async (t) => {
  const { store, ids, currentKey } = await createHarness(t, 'ada');
  const key = Buffer.from(await currentKey(ids[0], BEGIN));
  const [row] = await rowsOf(store);
  assert.equal(row?.master_key_id, masterKey.id);
  assert.ok(!Buffer.from(row.wrapped_key).includes(key.subarray(0, 8)));
});

test('a key is replaced after a year; earlier versions stay available', async (t) => {
  const { ids, currentKey, allKeys } = await createHarness(t, 'ada');
  const first = await currentKey(ids[0], BEGIN);
  const second = await currentKey(ids[0], BEGIN + USER_KEY_LIFETIME_MS);
  assert.notDeepEqual(second, first);
  const third = await currentKey(ids[0], BEGIN + 2 * USER_KEY_LIFETIME_MS);
  assert.deepEqual(await currentKey(ids[0], BEGIN + 3 * USER_KEY_LIFETIME_MS - 1), third);
  assert.deepEqual(await allKeys(ids[0]), [third, second, first]);
});

test('a key is replaced at one of 2²⁴ messages, chosen at random; earlier versions stay available', async (t) => {
  const { store, ids, currentKey, allKeys } = await createHarness(t, 'ada');
  const first = await currentKey(ids[0], BEGIN);
  const asked: number[] = [];
  const replacing = new UserKeyring(masterKey, (max) => {
    asked.push(max);
    return asked.length < 3 ? max - 1 : 0;
  });
  const keyOf = () => store.transaction(async (tx) => (await replacing.currentKey(tx, ids[0], BEGIN)).key);
  assert.deepEqual([await keyOf(), await keyOf()], [first, first]);
  const second = await keyOf();
  assert.notDeepEqual(second, first);
  assert.deepEqual(asked, [MESSAGES_PER_KEY, MESSAGES_PER_KEY, MESSAGES_PER_KEY]);
  assert.deepEqual(await allKeys(ids[0]), [second, first]);
});

test('concurrent replacements of an old key agree on one new key', async (t) => {
  const { ids, currentKey, allKeys } = await createHarness(t, 'ada');
  const keys = await Promise.all(Array.from({ length: 5 }, () => currentKey(ids[0], BEGIN + USER_KEY_LIFETIME_MS)));
  for (const key of keys) assert.deepEqual(key, keys[0]);
  assert.equal((await allKeys(ids[0])).length, 2);
});

test('a wrapped key opens only for its user and version', async (t) => {
  const { store, ids, currentKey, allKeys } = await createHarness(t, 'ada', 'bob');
  const [ada, bob] = ids;
  await currentKey(ada, BEGIN + USER_KEY_LIFETIME_MS);
  await currentKey(bob, BEGIN + USER_KEY_LIFETIME_MS);
  const rows = await rowsOf(store);
  const wrapped = (id: Uint8Array, version: number) =>
    rows.find((row) => Buffer.compare(row.user_id, id) === 0 && row.version === version)?.wrapped_key as Uint8Array;
  const put = (wrapped_key: Uint8Array) =>
    store.transaction(({ db }) =>
      db.updateTable('user_keys').set({ wrapped_key }).where('user_id', '=', ada).where('version', '=', 2).execute(),
    );

  for (const foreign of [wrapped(bob, 2), wrapped(ada, 1)]) {
    await put(foreign);
    await assert.rejects(allKeys(ada), /altered or damaged/);
    await assert.rejects(currentKey(ada, BEGIN + USER_KEY_LIFETIME_MS), /altered or damaged/);
  }
  await put(wrapped(ada, 2));
  assert.equal((await allKeys(ada)).length, 2);
});

test('under another master key nothing opens', async (t) => {
  const { store, ids } = await createHarness(t, 'ada');
  const other = new UserKeyring(new MasterKey(randomBytes(32)));
  await assert.rejects(
    store.transaction((tx) => other.allKeys(tx, ids[0])),
    /altered or damaged/,
  );
});

test('a user without a key is an error, not an empty result', async (t) => {
  const { currentKey } = await createHarness(t, 'ada');
  await assert.rejects(currentKey(randomBytes(16), BEGIN), /without a message key/);
});
