// Queries of users.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { newStoreLocation } from '../../../test/support/store.ts';
import { openTwoStores, race } from '../../../test/support/storeFixtures.ts';
import type { Transaction } from './store.ts';
import {
  findUserByEmail,
  findUserById,
  findUserIdByUsername,
  insertUser,
  raiseMinSuite,
  replacePasswordHash,
  type User,
  updatePasswordHash,
  updateUsername,
} from './users.ts';

function newUser(name: string, email = `${name}@example.org`): User {
  return {
    user_id: randomBytes(16),
    username: name.toUpperCase(),
    username_key: name,
    email: email.toUpperCase(),
    email_key: email,
    password_hash: 'first',
    created_at: 1,
    min_suite: 1,
    login_notices: 0,
    email_verified_at: null,
  };
}

async function createHarness(t: TestContext) {
  const stores = await openTwoStores(t, await newStoreLocation(t));
  return {
    stores,
    in: <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> => stores[0].transaction(work),
    allUsers: () => stores[1].transaction(({ db }) => db.selectFrom('users').selectAll().execute()),
  };
}

const winners = (results: readonly boolean[]) => results.filter(Boolean).length;

describe('insertUser', () => {
  test('concurrent inserts in two processes with one name or address: exactly one succeeds', async (t) => {
    const { stores, allUsers } = await createHarness(t);
    const sameName = await race(stores, 30, (tx, index) => insertUser(tx, newUser('ada', `${index}@example.org`)));
    assert.equal(winners(sameName), 1);
    const sameEmail = await race(stores, 30, (tx, index) =>
      insertUser(tx, newUser(`name ${index}`, 'bob@example.org')),
    );
    assert.equal(winners(sameEmail), 1);
    assert.equal((await allUsers()).length, 2);
  });

  test('inserts a user that is found by id, address and name', async (t) => {
    const { in: within } = await createHarness(t);
    const user = newUser('ada');
    await within((tx) => insertUser(tx, user));
    await within((tx) => insertUser(tx, newUser('bob')));
    assert.equal((await within((tx) => findUserById(tx, user.user_id)))?.username, 'ADA');
    assert.equal((await within((tx) => findUserByEmail(tx, 'ada@example.org')))?.username, 'ADA');
    const found = await within((tx) => findUserIdByUsername(tx, 'ada'));
    assert.deepEqual(Buffer.from(found ?? []), user.user_id);
    assert.equal(await within((tx) => findUserIdByUsername(tx, 'ADA')), undefined);
  });
});

describe('updateUsername', () => {
  test('concurrent updates in two processes to one name: exactly one succeeds', async (t) => {
    const { stores, in: within, allUsers } = await createHarness(t);
    const users = Array.from({ length: 10 }, (_, index) => newUser(`old ${index}`));
    for (const user of users) await within((tx) => insertUser(tx, user));
    const renamed = await race(stores, users.length, (tx, index) =>
      updateUsername(tx, (users[index] as User).user_id, { username: 'New', username_key: 'new' }),
    );
    assert.equal(winners(renamed), 1);
    const names = (await allUsers()).map(({ username_key }) => username_key);
    assert.equal(names.filter((name) => name === 'new').length, 1);
    assert.equal(names.filter((name) => name.startsWith('old ')).length, 9);
  });

  test('a concurrent update and insert of one name: exactly one succeeds', async (t) => {
    const { stores, in: within } = await createHarness(t);
    const user = newUser('old');
    await within((tx) => insertUser(tx, user));
    const results = await race(stores, 2, (tx, index) =>
      index === 0
        ? updateUsername(tx, user.user_id, { username: 'new', username_key: 'new' })
        : insertUser(tx, newUser('new')),
    );
    assert.equal(winners(results), 1);
  });

  test('accepts another spelling of the own name', async (t) => {
    const { in: within } = await createHarness(t);
    const user = newUser('ada');
    await within((tx) => insertUser(tx, user));
    assert.equal(
      await within((tx) => updateUsername(tx, user.user_id, { username: 'aDa', username_key: 'ada' })),
      true,
    );
    assert.equal((await within((tx) => findUserById(tx, user.user_id)))?.username, 'aDa');
  });
});

test('raiseMinSuite raises the minimum for one user, and never lowers it', async (t) => {
  const { in: within } = await createHarness(t);
  const [ada, bob] = [newUser('ada'), newUser('bob')];
  for (const user of [ada, bob]) await within((tx) => insertUser(tx, user));
  for (const [suite, expected] of [
    [2, 2],
    [1, 2],
    [2, 2],
  ] as const) {
    await within((tx) => raiseMinSuite(tx, ada.user_id, suite));
    assert.equal((await within((tx) => findUserById(tx, ada.user_id)))?.min_suite, expected);
  }
  assert.equal((await within((tx) => findUserById(tx, bob.user_id)))?.min_suite, 1);
});

describe('replacePasswordHash', () => {
  test('replaces the hash that was read, but not one that changed in between', async (t) => {
    const { in: within } = await createHarness(t);
    const user = newUser('ada');
    await within((tx) => insertUser(tx, user));
    const hash = async () => (await within((tx) => findUserById(tx, user.user_id)))?.password_hash;
    await within((tx) => replacePasswordHash(tx, user.user_id, 'first', 'rehashed'));
    assert.equal(await hash(), 'rehashed');
    await within((tx) => updatePasswordHash(tx, user.user_id, 'changed'));
    await within((tx) => replacePasswordHash(tx, user.user_id, 'rehashed', 'too late'));
    assert.equal(await hash(), 'changed');
  });
});
