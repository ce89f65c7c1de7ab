// Queries of master keys and user keys.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { newStoreLocation } from '../../../test/support/store.ts';
import { openTwoStores, race } from '../../../test/support/storeFixtures.ts';
import { findMasterKeyIds, insertMasterKeyId } from './masterKeys.ts';
import { findUserKeys, insertUserKey } from './userKeys.ts';
import { insertUser } from './users.ts';

test('a master key id inserted concurrently is stored once', async (t) => {
  const stores = await openTwoStores(t, await newStoreLocation(t));
  await race(stores, 10, (tx) => insertMasterKeyId(tx, 'a key', 1));
  assert.deepEqual(await stores[0].transaction(findMasterKeyIds), ['a key']);
});

test('a key version inserted concurrently: the first one wins; findUserKeys returns the newest first', async (t) => {
  const stores = await openTwoStores(t, await newStoreLocation(t));
  const [store] = stores;
  const userId = randomBytes(16);
  await store.transaction(async (tx) => {
    await insertMasterKeyId(tx, 'a key', 1);
    await insertUser(tx, {
      user_id: userId,
      username: 'Ada',
      username_key: 'ada',
      email: 'ada@example.org',
      email_key: 'ada@example.org',
      password_hash: '',
      created_at: 1,
    });
  });
  const found = await race(stores, 20, async (tx) => {
    const key = { user_id: userId, master_key_id: 'a key', created_at: 1 };
    await insertUserKey(tx, { ...key, version: 1, wrapped_key: randomBytes(32) });
    await insertUserKey(tx, { ...key, version: 2, wrapped_key: randomBytes(32) });
    return findUserKeys(tx, userId);
  });
  for (const keys of found) {
    assert.deepEqual(
      keys.map(({ version }) => version),
      [2, 1],
    );
    assert.deepEqual(keys, found[0]);
  }
});

test('a key of an unknown user or master key is rejected', async (t) => {
  const [store] = await openTwoStores(t, await newStoreLocation(t));
  const key = { version: 1, master_key_id: 'an unknown key', wrapped_key: randomBytes(32), created_at: 1 };
  await assert.rejects(
    store.transaction((tx) => insertUserKey(tx, { ...key, user_id: randomBytes(16) })),
    /constraint/i,
  );
});
