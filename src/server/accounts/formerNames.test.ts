// Former names and names that look alike: whom they belong to, and since when.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AccountsHarness, CLIENT, createAccountsHarness, outcomeOf } from '../../../test/support/accounts.ts';
import { openTestStore } from '../../../test/support/store.ts';
import { claimEarlierNames } from './claimNames.ts';
import { foldUsername } from './username.ts';

const PASSWORD = 'blue owl sky';
const DAY_MS = 24 * 60 * 60 * 1000;
const hex = (id: Uint8Array | undefined) => id && Buffer.from(id).toString('hex');

async function rename({ accounts, transact }: AccountsHarness, userId: Uint8Array, to: string): Promise<void> {
  const prepared = await accounts.prepareUsernameChange(userId, to, PASSWORD, CLIENT);
  await transact((tx) => accounts.changeUsername(tx, prepared));
}

const register = (harness: AccountsHarness, username: string, email = `${Math.random()}@example.org`) =>
  harness.register(username, email, PASSWORD);

const ownerOf = async ({ accounts, transact }: AccountsHarness, username: string) =>
  hex(await transact((tx) => accounts.findByUsername(tx, username)));

/** Gives an account a name that the rule for new names refuses, as an earlier version did. */
const renameInDatabase = ({ transact }: AccountsHarness, userId: Uint8Array, to: string) =>
  transact(async ({ db }) => {
    const name = { username: to, username_key: foldUsername(to) };
    await db.updateTable('users').set(name).where('user_id', '=', userId).execute();
    await db.deleteFrom('name_skeletons').where('user_id', '=', userId).execute();
  });

describe('a former name', () => {
  test('is refused to everyone except its owner, who may return to it and leave it again', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const [ada, eve] = [await register(harness, 'Ada'), await register(harness, 'Eve')];
    for (const name of ['Lovelace', 'Ada', 'Byron']) await rename(harness, ada, name);
    for (const name of ['ADA', 'lovelace', 'ａｄａ', 'byron']) {
      assert.equal(await outcomeOf(rename(harness, eve, name)), 'username_taken', name);
      assert.equal(await outcomeOf(register(harness, name)), 'username_taken', name);
      assert.equal(await ownerOf(harness, name), hex(ada), name);
    }
    await rename(harness, ada, 'ada');
    assert.equal(await ownerOf(harness, 'Byron'), hex(ada));
  });

  test('is shown for messages sent while it was valid', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const { time, accounts, transact } = harness;
    const ada = await register(harness, 'Ada');
    const times: number[] = [];
    for (const name of ['Lovelace', 'Ada', 'ADA']) {
      times.push(time.clock());
      time.advance(1_000);
      await rename(harness, ada, name);
    }
    times.push(time.clock());
    const names = await Promise.all(times.map((at) => transact((tx) => accounts.findNames(tx, ada, at))));
    assert.deepEqual(
      names.map((found) => ({ ...found })),
      ['Ada', 'Lovelace', 'Ada', null].map((earlier) => ({ current: 'ADA', earlier })),
    );
  });

  test('of a deleted account reaches no one and is given to no one', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const ada = await register(harness, 'Ada');
    await rename(harness, ada, 'Lovelace');
    await harness.transact(async ({ db }) => {
      await db.deleteFrom('users').where('user_id', '=', ada).execute();
      const row = { username_key: 'lovelace', user_id: null, username: 'Lovelace', released_at: 0 };
      await db.insertInto('former_names').values(row).execute();
    });
    for (const name of ['ada', 'lovelace']) {
      assert.equal(await ownerOf(harness, name), undefined);
      assert.equal(await outcomeOf(register(harness, name)), 'username_taken');
    }
  });

  test('concurrent release and registration: never given to another user', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const names = Array.from({ length: 8 }, (_, round) => `name ${round + 2}`);
    for (const name of names) {
      const owner = await register(harness, name);
      const eve = await register(harness, `eve of ${name}`);
      const outcomes = await Promise.all([
        outcomeOf(rename(harness, owner, `${name} released`)),
        outcomeOf(register(harness, name.toUpperCase())),
        outcomeOf(rename(harness, eve, name)),
      ]);
      assert.deepEqual(outcomes, ['done', 'username_taken', 'username_taken']);
      assert.equal(await ownerOf(harness, name), hex(owner));
    }
  });
});

test('the number of renames in 30 days is limited; the own name in the same spelling is not a rename', async (t) => {
  const harness = await createAccountsHarness(await openTestStore(t), { renamesPerMonth: 2 });
  const ada = await register(harness, 'Ada');
  await rename(harness, ada, 'Ada');
  await rename(harness, ada, 'ADA');
  harness.time.advance(DAY_MS);
  await rename(harness, ada, 'Lovelace');
  assert.equal(await outcomeOf(rename(harness, ada, 'Byron')), 'renamed_too_often');
  assert.equal(await ownerOf(harness, 'byron'), undefined);
  harness.time.advance(29 * DAY_MS);
  await rename(harness, ada, 'Byron');
  assert.equal(await outcomeOf(rename(harness, ada, 'Ada')), 'renamed_too_often');
});

describe('a name that looks like another one', () => {
  const pairs = [
    ['bob', 'ВОВ'],
    ['ace', 'асе'],
    ['lan', 'Ian'],
    ['modern', 'modem'],
    ['user 10', 'user lO'],
    ['Anna Maria', 'Anna  Maria'],
  ] as const;

  test('is busy, also after a release', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const eve = await register(harness, 'Eve');
    for (const [index, [name, other]] of pairs.entries()) {
      const owner = await register(harness, name);
      assert.equal(await outcomeOf(register(harness, other)), 'username_taken', other);
      await rename(harness, owner, `released ${index + 2}`);
      assert.equal(await outcomeOf(rename(harness, eve, other)), 'username_taken', other);
    }
  });

  test('concurrent registrations: exactly one succeeds', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    for (const names of pairs) {
      const outcomes = await Promise.all(names.map((name) => outcomeOf(register(harness, name))));
      assert.deepEqual(outcomes.toSorted(), ['done', 'username_taken'], names.join(' and '));
    }
  });

  test('from before this rule keeps working, and new names that look like it are refused', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const [one, other] = [
      await register(harness, 'First', 'one@example.org'),
      await register(harness, 'Second', 'other@example.org'),
    ];
    await renameInDatabase(harness, one, 'ace');
    await renameInDatabase(harness, other, 'асе');
    await claimEarlierNames(harness.store);
    await claimEarlierNames(harness.store);
    assert.equal(await ownerOf(harness, 'ace'), hex(one));
    assert.equal(await ownerOf(harness, 'асе'), hex(other));
    assert.deepEqual(hex(await harness.logIn('other@example.org', PASSWORD)), hex(other));
    assert.equal(await outcomeOf(register(harness, 'αсе')), 'invalid_username');
    assert.equal(await outcomeOf(register(harness, 'aсe')), 'invalid_username');
    for (const name of ['ACE', 'асе', 'АСЕ']) assert.equal(await outcomeOf(register(harness, name)), 'username_taken');
  });
});
