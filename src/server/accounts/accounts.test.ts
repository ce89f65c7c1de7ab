// Accounts: registering, changing name and password, downgrade protection, malformed fields.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type AccountsHarness, CLIENT, createAccountsHarness, outcomeOf } from '../../../test/support/accounts.ts';
import { openTestStore } from '../../../test/support/store.ts';
import { foldEmail } from './email.ts';
import { foldUsername } from './username.ts';

const PASSWORD = 'blue owl sky';
const OTHER_PASSWORD = 'green owl sky';
const SESSION = randomBytes(16);

const register = (harness: AccountsHarness, username: string, email: string, password = PASSWORD) =>
  outcomeOf(harness.register(username, email, password));
const logIn = (harness: AccountsHarness, email: string, password: string) => outcomeOf(harness.logIn(email, password));

async function rename(harness: AccountsHarness, userId: Uint8Array, to: string, password = PASSWORD): Promise<void> {
  const prepared = await harness.accounts.prepareUsernameChange(userId, to, password, CLIENT);
  await harness.transact((tx) => harness.accounts.changeUsername(tx, prepared));
}

async function changePassword(harness: AccountsHarness, userId: Uint8Array, from: string, to: string): Promise<void> {
  const prepared = await harness.accounts.preparePasswordChange(userId, from, to, CLIENT);
  await harness.transact((tx) => harness.accounts.changePassword(tx, SESSION, prepared, CLIENT));
}

async function usernames(harness: AccountsHarness): Promise<string[]> {
  const rows = await harness.transact(({ db }) =>
    db.selectFrom('users').select('username').orderBy('username_key').execute(),
  );
  return rows.map(({ username }) => username);
}

/** Returns the id of the user with a name, in hex. */
async function ownerOf(harness: AccountsHarness, username: string): Promise<string | undefined> {
  const id = await harness.transact((tx) => harness.accounts.findByUsername(tx, username));
  return id && Buffer.from(id).toString('hex');
}

describe('registration', () => {
  test('creates an account that logs in with its address and is found by its name, in any form', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const id = Buffer.from(await harness.register(' Chloé ', 'Chloe@Example.org', PASSWORD)).toString('hex');
    for (const name of ['Chloé', 'CHLOE\u0301', 'ｃｈｌｏé']) assert.equal(await ownerOf(harness, name), id, name);
    for (const email of ['Chloe@Example.org', 'chloe@example.org ', 'CHLOE@EXAMPLE.ORG']) {
      assert.equal(Buffer.from(await harness.logIn(email, PASSWORD)).toString('hex'), id, email);
    }
    assert.equal(await ownerOf(harness, 'Chloe'), undefined);
  });

  test('rejects a taken or invalid name or address, in any form, and a weak password', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    assert.equal(await register(harness, 'Straße', 'ada@example.org'), 'done');
    assert.equal(await register(harness, 'STRASSE', 'bob@example.org'), 'username_taken');
    assert.equal(await register(harness, 'bob', 'ADA@example.org'), 'email_taken');
    assert.equal(await register(harness, 'strasse', 'ada@example.org'), 'username_taken');
    assert.equal(await register(harness, '\u202ebob', 'bob@example.org'), 'invalid_username');
    assert.equal(await register(harness, 'bob', 'bob'), 'invalid_email');
    assert.equal(await register(harness, 'bob', 'bob@example.org', 'bobbobbobbob'), 'password_refused');
    assert.deepEqual(await usernames(harness), ['Straße']);
  });

  test('concurrent registrations: a name and an address go to exactly one', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const wish = fc.record({
      name: fc.constantFrom('ada', 'Ada', 'ＡＤＡ', 'bob', 'BOB', 'straße', 'STRASSE'),
      email: fc.constantFrom('ada@example.org', 'Ada@Example.org', 'bob@example.org', 'eve@example.org'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(wish, { minLength: 2, maxLength: 6 }), async (wishes) => {
        const outcomes = await Promise.all(wishes.map(({ name, email }) => register(harness, name, email)));
        const won = wishes.filter((_, index) => outcomes[index] === 'done');
        const names = won.map(({ name }) => foldUsername(name));
        const emails = won.map(({ email }) => foldEmail(email));
        assert.equal(new Set(names).size, won.length);
        assert.equal(new Set(emails).size, won.length);
        for (const [index, { name, email }] of wishes.entries()) {
          if (outcomes[index] === 'username_taken') assert.ok(names.includes(foldUsername(name)), name);
          else if (outcomes[index] === 'email_taken') assert.ok(emails.includes(foldEmail(email)), email);
          else assert.equal(outcomes[index], 'done');
        }
        assert.equal((await usernames(harness)).length, won.length);
        await harness.transact(async ({ db }) => {
          await db.deleteFrom('users').execute();
          await db.deleteFrom('name_skeletons').execute();
        });
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });
});

describe('changing the name', () => {
  test('replaces the old name, which stays reserved for the user', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const ada = await harness.register('Ada', 'ada@example.org', PASSWORD);
    await rename(harness, ada, 'Lady Lovelace');
    for (const name of ['ada', 'lady lovelace']) {
      assert.equal(await ownerOf(harness, name), Buffer.from(ada).toString('hex'));
    }
    assert.equal(await register(harness, 'ADA', 'other@example.org'), 'username_taken');
    assert.equal(await logIn(harness, 'ada@example.org', PASSWORD), 'done');
  });

  test('accepts the current name in another spelling', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const ada = await harness.register('Ada', 'ada@example.org', PASSWORD);
    await rename(harness, ada, 'ADA');
    await rename(harness, ada, 'ADA');
    assert.deepEqual(await usernames(harness), ['ADA']);
  });

  test('rejects a taken name, an invalid name and a wrong password', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const ada = await harness.register('Ada', 'ada@example.org', PASSWORD);
    await harness.register('Bob', 'bob@example.org', PASSWORD);
    assert.equal(await outcomeOf(rename(harness, ada, 'ｂｏｂ')), 'username_taken');
    assert.equal(await outcomeOf(rename(harness, ada, '')), 'invalid_username');
    assert.equal(await outcomeOf(rename(harness, ada, 'Eve', OTHER_PASSWORD)), 'invalid_credentials');
    assert.deepEqual(await usernames(harness), ['Ada', 'Bob']);
  });

  test('concurrent changes and registrations: a name goes to exactly one', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const ids = await Promise.all(
      [1, 2, 3].map((n) => harness.register(`user ${n}`, `user${n}@example.org`, PASSWORD)),
    );
    const outcomes = await Promise.all([
      ...ids.map((id, n) => outcomeOf(rename(harness, id, ['Eve', 'EVE', 'ｅｖｅ'][n] ?? ''))),
      register(harness, 'eve', 'eve@example.org'),
    ]);
    assert.deepEqual(outcomes.toSorted(), ['done', 'username_taken', 'username_taken', 'username_taken']);
    const names = await usernames(harness);
    assert.equal(names.filter((name) => name.normalize('NFKC').toLowerCase() === 'eve').length, 1);
    assert.equal(names.length, outcomes[3] === 'done' ? 4 : 3);
  });
});

describe('changing the password', () => {
  test('replaces the old password and ends the other sessions', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const ada = await harness.register('Ada', 'ada@example.org', PASSWORD);
    await changePassword(harness, ada, PASSWORD, OTHER_PASSWORD);
    assert.equal(await logIn(harness, 'ada@example.org', PASSWORD), 'invalid_credentials');
    assert.equal(await logIn(harness, 'ada@example.org', OTHER_PASSWORD), 'done');
    assert.deepEqual(
      harness.endedSessions.map(({ userId, exceptSessionId }) => [Buffer.from(userId), exceptSessionId]),
      [[Buffer.from(ada), SESSION]],
    );
  });

  test('rejects a weak new password without an attempt, and a wrong current one with an attempt', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const ada = await harness.register('Ada', 'ada@example.org', PASSWORD);
    for (let n = 0; n < 6; n += 1) {
      assert.equal(await outcomeOf(changePassword(harness, ada, OTHER_PASSWORD, 'weak')), 'password_refused');
    }
    for (let n = 0; n < 5; n += 1) {
      assert.equal(
        await outcomeOf(changePassword(harness, ada, 'red owl sky!', OTHER_PASSWORD)),
        'invalid_credentials',
      );
    }
    assert.equal(await outcomeOf(changePassword(harness, ada, PASSWORD, OTHER_PASSWORD)), 'account_locked');
    assert.equal(await outcomeOf(rename(harness, ada, 'Eve')), 'account_locked');
    assert.deepEqual(harness.endedSessions, []);
  });

  test('concurrent changes with the correct password: exactly one succeeds', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const ada = await harness.register('Ada', 'ada@example.org', PASSWORD);
    const wanted = ['first owl sky', 'second owl sky', 'third owl sky'];
    const prepared = await Promise.all(
      wanted.map((to) => harness.accounts.preparePasswordChange(ada, PASSWORD, to, CLIENT)),
    );
    const outcomes = await Promise.all(
      prepared.map((change) =>
        outcomeOf(harness.transact((tx) => harness.accounts.changePassword(tx, SESSION, change, CLIENT))),
      ),
    );
    assert.deepEqual(outcomes.toSorted(), ['done', 'invalid_credentials', 'invalid_credentials']);
    assert.equal(await logIn(harness, 'ada@example.org', wanted[outcomes.indexOf('done')] ?? ''), 'done');
  });

  test('invalidates a login, a name change and a recovery in progress', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const ada = await harness.register('Ada', 'ada@example.org', PASSWORD);
    const login = await harness.accounts.prepareLogin('ada@example.org', PASSWORD, CLIENT);
    const renaming = await harness.accounts.prepareUsernameChange(ada, 'Eve', PASSWORD, CLIENT);
    const recoveryId = await harness.transact((tx) => harness.recovery.begin(tx, 'ada@example.org', CLIENT));
    await harness.transact((tx) => harness.recovery.confirm(tx, recoveryId, harness.mails[0]?.code ?? ''));
    const recovering = await harness.recovery.prepareFinish(recoveryId, 'red owl sky!', CLIENT);

    await changePassword(harness, ada, PASSWORD, OTHER_PASSWORD);
    const { accounts, recovery, transact } = harness;
    assert.equal(await outcomeOf(transact((tx) => accounts.logIn(tx, login, CLIENT))), 'invalid_credentials');
    assert.equal(await outcomeOf(transact((tx) => accounts.changeUsername(tx, renaming))), 'invalid_credentials');
    assert.equal(
      await outcomeOf(transact((tx) => recovery.finish(tx, recoveryId, SESSION, recovering, CLIENT))),
      'no_recovery',
    );
    assert.equal(await logIn(harness, 'ada@example.org', OTHER_PASSWORD), 'done');
  });
});

describe('downgrade protection', () => {
  const minSuites = async (harness: AccountsHarness) => {
    const users = await harness.transact(({ db }) => db.selectFrom('users').select('min_suite').execute());
    return users.map(({ min_suite }) => min_suite);
  };

  test('on: registering and logging in raise the minimum suite, nothing lowers it', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t), { downgradeProtection: true });
    await harness.register('Ada', 'ada@example.org', PASSWORD, 1);
    assert.deepEqual(await minSuites(harness), [1]);
    await harness.logIn('ada@example.org', PASSWORD, 1);
    assert.deepEqual(await minSuites(harness), [1]);
    assert.equal(await outcomeOf(harness.logIn('ada@example.org', OTHER_PASSWORD, 2)), 'invalid_credentials');
    assert.deepEqual(await minSuites(harness), [1]);
    await harness.logIn('ada@example.org', PASSWORD, 2);
    assert.deepEqual(await minSuites(harness), [2]);
    assert.equal(await outcomeOf(harness.logIn('ada@example.org', PASSWORD, 1)), 'invalid_credentials');
    assert.equal(await outcomeOf(harness.logIn('ada@example.org', OTHER_PASSWORD, 1)), 'invalid_credentials');
    assert.deepEqual(await minSuites(harness), [2]);
    await harness.logIn('ada@example.org', PASSWORD, 2);
    await harness.register('Bob', 'bob@example.org', PASSWORD, 2);
    assert.deepEqual(await minSuites(harness), [2, 2]);
  });

  test('off: the minimum suite stays 1', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    await harness.register('Ada', 'ada@example.org', PASSWORD, 2);
    await harness.logIn('ada@example.org', PASSWORD, 2);
    await harness.logIn('ada@example.org', PASSWORD, 1);
    assert.deepEqual(await minSuites(harness), [1]);
  });

  test('suite 1 gets the response of a wrong password, whether it is right or not; a known network gets the reason', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t), { downgradeProtection: true });
    await harness.register('Ada', 'ada@example.org', PASSWORD, 2);
    const outcomes = async (address: string) => {
      const passwords = [OTHER_PASSWORD, PASSWORD, OTHER_PASSWORD, PASSWORD, OTHER_PASSWORD, PASSWORD, OTHER_PASSWORD];
      const found = [];
      for (const password of passwords) {
        found.push(await outcomeOf(harness.logInWith('ada@example.org', password, { address, suite: 1 })));
      }
      return found;
    };
    // A right password does not reset the count, which would show that it is right.
    const expected = [...Array(5).fill('invalid_credentials'), 'account_locked', 'account_locked'];
    assert.deepEqual(await outcomes('10.0.0.1'), expected);
    await harness.logInWith('ada@example.org', PASSWORD, { address: '10.0.1.1' });
    assert.deepEqual(await outcomes('10.0.1.2'), Array(7).fill('suite2_required'));
    assert.deepEqual(await outcomes('10.0.2.1'), expected);
  });
});

test('an account is shown with its current name; a deleted one is not_authenticated', async (t) => {
  const { accounts, transact, ...harness } = await createAccountsHarness(await openTestStore(t));
  const ada = await harness.register('Ada', 'Ada@Example.org', PASSWORD);
  await harness.register('Bob', 'bob@example.org', PASSWORD);
  assert.deepEqual(await transact((tx) => accounts.show(tx, ada)), { username: 'Ada', email: 'Ada@Example.org' });
  assert.equal((await transact((tx) => accounts.findNames(tx, ada, 0)))?.current, 'Ada');
  await transact(({ db }) => db.updateTable('users').set({ username: 'Lady' }).where('user_id', '=', ada).execute());
  assert.equal((await transact((tx) => accounts.show(tx, ada))).username, 'Lady');
  assert.equal((await transact((tx) => accounts.findNames(tx, ada, 0)))?.current, 'Lady');
  const gone = randomBytes(16);
  assert.equal(await outcomeOf(transact((tx) => accounts.show(tx, gone))), 'not_authenticated');
  assert.equal(await transact((tx) => accounts.findNames(tx, gone, 0)), undefined);
});

test('an account whose name has a number sign keeps working, and can get another name', async (t) => {
  const harness = await createAccountsHarness(await openTestStore(t));
  const bob = await harness.register('Bob', 'bob@example.org', PASSWORD);
  const earlierName = { username: 'Bob#1', username_key: 'bob#1' };
  await harness.transact(({ db }) => db.updateTable('users').set(earlierName).where('user_id', '=', bob).execute());
  assert.equal(await logIn(harness, 'bob@example.org', PASSWORD), 'done');
  assert.equal(await ownerOf(harness, 'BOB＃1'), Buffer.from(bob).toString('hex'));
  await changePassword(harness, bob, PASSWORD, OTHER_PASSWORD);
  assert.equal(await outcomeOf(rename(harness, bob, 'bob#1', OTHER_PASSWORD)), 'invalid_username');
  assert.equal(await register(harness, 'bob#2', 'other@example.org'), 'invalid_username');
  await rename(harness, bob, 'Bob', OTHER_PASSWORD);
  assert.deepEqual(await usernames(harness), ['Bob']);
});

test('text that a database cannot store matches no name and no address', async (t) => {
  const { accounts, recovery, transact, mails, ...harness } = await createAccountsHarness(await openTestStore(t));
  await harness.register('Ada', 'ada@example.org', PASSWORD);
  for (const text of ['\0', 'ada\0', 'ada@example.org\0', 'a\0da@example.org', '\ud800', 'ada\udc00']) {
    assert.equal(await outcomeOf(harness.logIn(text, PASSWORD)), 'invalid_email');
    assert.equal(await transact((tx) => accounts.findByUsername(tx, text)), undefined);
    await transact((tx) => recovery.begin(tx, text, CLIENT));
    assert.deepEqual(mails, []);
  }
});

describe('a malformed field', () => {
  const attempts = (harness: AccountsHarness) =>
    harness.transact(({ db }) => db.selectFrom('login_attempts').selectAll().execute());

  test('email at login: rejected before the password check, not counted as an attempt', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    await harness.register('Ada', 'ada@example.org', PASSWORD);
    for (const email of ['', 'ada', 'ada@', '@example.org', 'ada@example.org x', 'ada@example.org\0']) {
      for (let n = 0; n < 6; n += 1) assert.equal(await logIn(harness, email, PASSWORD), 'invalid_email', email);
    }
    assert.deepEqual(await attempts(harness), []);
    for (const email of ['nobody+else@example.org', 'nobody@localhost', `${'a'.repeat(2_000)}@example.org`]) {
      assert.equal(await logIn(harness, email, PASSWORD), 'invalid_credentials', email);
    }
    assert.equal((await attempts(harness)).length, 3);
  });

  test('current password at a change: not counted as an attempt, the same on a locked account', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const ada = await harness.register('Ada', 'ada@example.org', PASSWORD);
    const expectRefused = async (password: string) => {
      assert.equal(await outcomeOf(rename(harness, ada, 'Eve', password)), 'password_refused');
      assert.equal(await outcomeOf(changePassword(harness, ada, password, OTHER_PASSWORD)), 'password_refused');
    };
    for (const password of ['', 'short', 'Aa1_abc', 'x'.repeat(257)]) await expectRefused(password);
    assert.deepEqual(await attempts(harness), []);
    for (let n = 0; n < 5; n += 1) {
      assert.equal(await outcomeOf(rename(harness, ada, 'Eve', OTHER_PASSWORD)), 'invalid_credentials');
    }
    assert.equal(await outcomeOf(rename(harness, ada, 'Eve', PASSWORD)), 'account_locked');
    await expectRefused('short');
  });

  test('password at login: rejected as incorrect, and counted', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    await harness.register('Ada', 'ada@example.org', PASSWORD);
    for (let n = 0; n < 5; n += 1) assert.equal(await logIn(harness, 'ada@example.org', 'x'), 'invalid_credentials');
    assert.equal(await logIn(harness, 'ada@example.org', PASSWORD), 'account_locked');
  });
});

test('a session of a deleted account is not authenticated', async (t) => {
  const harness = await createAccountsHarness(await openTestStore(t));
  const gone = randomBytes(16);
  assert.equal(await outcomeOf(rename(harness, gone, 'Eve')), 'not_authenticated');
  assert.equal(await outcomeOf(changePassword(harness, gone, PASSWORD, OTHER_PASSWORD)), 'not_authenticated');
});
