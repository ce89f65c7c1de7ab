// Credentials: counted attempts, locks, rehashing and the proof of a password.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  type AccountsHarness,
  CLIENT,
  createAccountsHarness,
  createTestHasher,
  outcomeOf,
  PLACE,
} from '../../../test/support/accounts.ts';
import { openTestStore } from '../../../test/support/store.ts';
import { findUserByEmail } from '../store/users.ts';
import { Credentials, LOCK_RULE } from './credentials.ts';
import { HashCosts, parametersOf } from './hashCosts.ts';
import type { PasswordHashing } from './passwordHasher.ts';

const EMAIL = 'ada@example.org';
const UNKNOWN = 'nobody@example.org';
const PASSWORD = 'blue owl sky';
const MINUTE_MS = 60_000;

const guess = ({ credentials }: AccountsHarness, email = EMAIL) =>
  outcomeOf(credentials.verify(email, 'green owl sky', CLIENT));
const give = ({ credentials }: AccountsHarness, email = EMAIL) =>
  outcomeOf(credentials.verify(email, PASSWORD, CLIENT));

async function guessAgainAndAgain(harness: AccountsHarness, times: number, email = EMAIL): Promise<void> {
  for (let n = 0; n < times; n += 1) assert.equal(await guess(harness, email), 'invalid_credentials');
}

test('a correct password verifies; a wrong one and an unknown address are rejected identically', async (t) => {
  const harness = await createAccountsHarness(await openTestStore(t));
  const userId = await harness.register('Ada', EMAIL, PASSWORD);
  const { user } = await harness.credentials.verify(EMAIL, PASSWORD, CLIENT);
  assert.deepEqual(Buffer.from(user.user_id), Buffer.from(userId));
  const problems = await Promise.all(
    [EMAIL, UNKNOWN].map((email) =>
      harness.credentials.verify(email, 'green owl sky', CLIENT).catch((problem) => problem),
    ),
  );
  assert.deepEqual(problems[0], problems[1]);
  assert.equal(problems[0].code, 'invalid_credentials');
});

describe('five wrong passwords', () => {
  for (const [whose, email] of [
    ['of an account', EMAIL],
    ['for an unknown address', UNKNOWN],
  ] as const) {
    test(`${whose} lock it, even for the correct password`, async (t) => {
      const harness = await createAccountsHarness(await openTestStore(t));
      await harness.register('Ada', EMAIL, PASSWORD);
      await guessAgainAndAgain(harness, 5, email);
      assert.equal(await guess(harness, email), 'account_locked');
      assert.equal(await give(harness, email), 'account_locked');
    });

    test(`${whose}: of twelve at once exactly five are checked`, async (t) => {
      const harness = await createAccountsHarness(await openTestStore(t));
      await harness.register('Ada', EMAIL, PASSWORD);
      const outcomes = await Promise.all(Array.from({ length: 12 }, () => guess(harness, email)));
      assert.deepEqual(outcomes, [...Array(5).fill('invalid_credentials'), ...Array(7).fill('account_locked')]);
    });
  }

  test('sent to two processes: exactly five are checked', async (t) => {
    const one = await createAccountsHarness(await openTestStore(t));
    await one.register('Ada', EMAIL, PASSWORD);
    const { store, clients, budgets } = one;
    const shared = { store, clients, failures: budgets.failures, clock: one.time.clock, attemptsKey: randomBytes(32) };
    const processes = await Promise.all(
      Array.from(
        { length: 2 },
        async () => new Credentials({ ...shared, reportLock: async () => {}, hasher: await createTestHasher() }),
      ),
    );
    const outcomes = await Promise.all(
      processes.flatMap((process) =>
        Array.from({ length: 6 }, () => outcomeOf(process.verify(EMAIL, 'green owl sky', CLIENT))),
      ),
    );
    assert.equal(outcomes.filter((outcome) => outcome === 'invalid_credentials').length, 5);
    assert.equal(outcomes.filter((outcome) => outcome === 'account_locked').length, 7);
  });

  test('lock no other account', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    await harness.register('Ada', EMAIL, PASSWORD);
    await harness.register('Bob', 'bob@example.org', PASSWORD);
    await guessAgainAndAgain(harness, 5);
    assert.equal(await give(harness, 'bob@example.org'), 'done');
  });
});

describe('a correct password', () => {
  test('resets the count of wrong ones', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    await harness.register('Ada', EMAIL, PASSWORD);
    for (let round = 0; round < 3; round += 1) {
      await guessAgainAndAgain(harness, 4);
      assert.equal(await give(harness), 'done');
    }
    await guessAgainAndAgain(harness, 5);
    assert.equal(await give(harness), 'account_locked');
  });

  test('given twenty times at once does not lock the account', async (t) => {
    const hasher = await createTestHasher({ concurrency: 20 });
    const harness = await createAccountsHarness(await openTestStore(t), { hasher });
    await harness.register('Ada', EMAIL, PASSWORD);
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => give(harness)));
    assert.deepEqual(outcomes, Array(20).fill('done'));
    await guessAgainAndAgain(harness, 5);
  });
});

describe('a lock', () => {
  test('ends 15 minutes after the attempt that caused it', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    await harness.register('Ada', EMAIL, PASSWORD);
    await guessAgainAndAgain(harness, 5);
    harness.time.advance(LOCK_RULE.lockDurationMs - MINUTE_MS);
    // Further attempts do not extend it.
    assert.equal(await guess(harness), 'account_locked');
    harness.time.advance(MINUTE_MS - 1);
    assert.equal(await give(harness), 'account_locked');
    harness.time.advance(1);
    await guessAgainAndAgain(harness, 5);
    assert.equal(await give(harness), 'account_locked');
    harness.time.advance(LOCK_RULE.lockDurationMs);
    assert.equal(await give(harness), 'done');
  });

  test('ends by unlocking', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    await harness.register('Ada', EMAIL, PASSWORD);
    await guessAgainAndAgain(harness, 5);
    await harness.transact(async (tx) => {
      const user = await findUserByEmail(tx, EMAIL);
      assert.ok(user);
      await harness.credentials.unlock(tx, user, CLIENT);
    });
    await guessAgainAndAgain(harness, 4);
    assert.equal(await give(harness), 'done');
  });
});

test('wrong passwords are forgotten after a day without attempts', async (t) => {
  const harness = await createAccountsHarness(await openTestStore(t));
  await harness.register('Ada', EMAIL, PASSWORD);
  await guessAgainAndAgain(harness, 4);
  harness.time.advance(LOCK_RULE.memoryMs - 1);
  await guessAgainAndAgain(harness, 1);
  assert.equal(await give(harness), 'account_locked');
  harness.time.advance(LOCK_RULE.memoryMs);
  await guessAgainAndAgain(harness, 5);
});

test('an attempt rejected by a full queue does not count', async (t) => {
  const harness = await createAccountsHarness(await openTestStore(t), {
    hasher: await createTestHasher({ queueLimit: 1, concurrency: 1 }),
  });
  await harness.register('Ada', EMAIL, PASSWORD);
  const room = Promise.withResolvers<string>();
  const others = [
    harness.hasher.verify(() => room.promise, 'any', PLACE),
    harness.hasher.verify(() => room.promise, 'any', PLACE),
  ];
  for (let n = 0; n < 10; n += 1) assert.equal(await guess(harness), 'overloaded');
  room.resolve(new HashCosts(harness.hasher.parameters, Date.now).dummyHash(0));
  await Promise.all(others);
  assert.equal(await give(harness), 'done');
});

test('the database does not reveal which addresses were tried', async (t) => {
  const harness = await createAccountsHarness(await openTestStore(t));
  await guess(harness, UNKNOWN);
  const rows = await harness.transact(({ db }) => db.selectFrom('login_attempts').select('account_key').execute());
  assert.equal(rows.length, 1);
  assert.doesNotMatch(Buffer.from(rows[0]?.account_key ?? []).toString('latin1'), /nobody/);
});

test('a hash with another cost is replaced when its password is given, and verifies afterwards', async (t) => {
  const store = await openTestStore(t);
  const before = await createAccountsHarness(store);
  await before.register('Ada', EMAIL, PASSWORD);
  const after = await createAccountsHarness(store, {
    hasher: await createTestHasher({ cost: { memory: 16, iterations: 1 } }),
  });
  const storedHash = () =>
    after.transact(async ({ db }) => {
      const { password_hash } = await db.selectFrom('users').select('password_hash').executeTakeFirstOrThrow();
      return password_hash;
    });
  assert.equal(await guess(after), 'invalid_credentials');
  assert.match(await storedHash(), /\$m=8,/);
  const verified = await after.credentials.verify(EMAIL, PASSWORD, CLIENT);
  assert.match(await storedHash(), /\$m=16,/);
  await after.transact((tx) => after.credentials.confirm(tx, verified));
  assert.equal(await give(after), 'done');
});

describe('confirming a verified password', () => {
  test('returns the current user', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    await harness.register('Ada', EMAIL, PASSWORD);
    const verified = await harness.credentials.verify(EMAIL, PASSWORD, CLIENT);
    const renaming = await harness.accounts.prepareUsernameChange(verified.user.user_id, 'Ada L.', PASSWORD, CLIENT);
    await harness.transact((tx) => harness.accounts.changeUsername(tx, renaming));
    const user = await harness.transact((tx) => harness.credentials.confirm(tx, verified));
    assert.equal(user.username, 'Ada L.');
  });

  test('rejects a password that was changed since it was verified', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const userId = await harness.register('Ada', EMAIL, PASSWORD);
    const verified = await harness.credentials.verify(EMAIL, PASSWORD, CLIENT);
    const change = await harness.accounts.preparePasswordChange(userId, PASSWORD, 'green owl sky', CLIENT);
    await harness.transact((tx) => harness.accounts.changePassword(tx, randomBytes(16), change, CLIENT));
    const confirming = harness.transact((tx) => harness.credentials.confirm(tx, verified));
    assert.equal(await outcomeOf(confirming), 'invalid_credentials');
  });

  test('rejects a deleted account', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    await harness.register('Ada', EMAIL, PASSWORD);
    const verified = await harness.credentials.verify(EMAIL, PASSWORD, CLIENT);
    await harness.transact(({ db }) => db.deleteFrom('users').execute());
    const confirming = harness.transact((tx) => harness.credentials.confirm(tx, verified));
    assert.equal(await outcomeOf(confirming), 'invalid_credentials');
  });
});

test('wrong passwords from one address at many accounts are limited; right ones are not', async (t) => {
  const rates = { failedLoginsPerMinute: 10 };
  const harness = await createAccountsHarness(await openTestStore(t), { rates });
  await harness.register('Ada', EMAIL, PASSWORD);
  for (let n = 0; n < 30; n += 1) assert.equal(await give(harness), 'done');
  for (let n = 0; n < 10; n += 1) assert.equal(await guess(harness, `mail${n}@example.org`), 'invalid_credentials');
  await assert.rejects(harness.credentials.verify(UNKNOWN, PASSWORD, CLIENT), {
    code: 'too_many_requests',
    retryAfterSeconds: 6,
  });
  const elsewhere = { ...CLIENT, address: '10.0.0.1' };
  assert.equal(await outcomeOf(harness.credentials.verify(UNKNOWN, PASSWORD, elsewhere)), 'invalid_credentials');
  harness.time.advance(6_000);
  assert.equal(await guess(harness, UNKNOWN), 'invalid_credentials');
});

test('strangers at the same address do not use up the attempts of a device token and of a session', async (t) => {
  const harness = await createAccountsHarness(await openTestStore(t), { rates: { failedLoginsPerMinute: 10 } });
  const userId = await harness.register('Ada', EMAIL, PASSWORD);
  await harness.register('Bob', 'bob@example.org', PASSWORD);
  const deviceToken = await harness.logInWith(EMAIL, PASSWORD, {});
  const others = await harness.logInWith('bob@example.org', PASSWORD, {});
  for (let n = 0; n < 10; n += 1) assert.equal(await guess(harness, `mail${n}@example.org`), 'invalid_credentials');
  for (const token of [undefined, others, 'A'.repeat(43), 'no token']) {
    const logIn = (email: string) => outcomeOf(harness.logInWith(email, PASSWORD, { deviceToken: token }));
    assert.deepEqual([await logIn(EMAIL), await logIn(UNKNOWN)], ['too_many_requests', 'too_many_requests']);
  }
  assert.equal(await harness.logInWith(EMAIL, PASSWORD, { deviceToken }), deviceToken);
  const change = await harness.accounts.preparePasswordChange(userId, PASSWORD, 'green owl sky', CLIENT);
  assert.equal(change.newPassword, 'green owl sky');
  assert.equal(await guess(harness, UNKNOWN), 'too_many_requests', 'nothing is refunded to strangers');
});

test('an account that does not exist is checked at the costs of those that do, always at the same one', async (t) => {
  const store = await openTestStore(t);
  const before = await createAccountsHarness(store);
  for (let n = 0; n < 6; n += 1) await before.register(`old ${n}`, `old${n}@example.org`, PASSWORD);
  const costly = await createTestHasher({ cost: { memory: 16, iterations: 1 } });
  const checked: string[] = [];
  const hasher: PasswordHashing = {
    parameters: costly.parameters,
    needsRehash: (hash) => costly.needsRehash(hash),
    hash: (password, place) => costly.hash(password, place),
    async verify(findHash, password, place) {
      const hash = await findHash();
      checked.push(parametersOf(hash) ?? '');
      return costly.verify(async () => hash, password, place);
    },
  };
  const after = await createAccountsHarness(store, { hasher });
  const costOf = async (email: string) => {
    await guess(after, email);
    return checked.at(-1);
  };
  assert.equal(await costOf('nobody@example.org'), 'm=8,t=1,p=1', 'all accounts have the old cost');
  for (let n = 0; n < 3; n += 1) await after.logIn(`old${n}@example.org`, PASSWORD);
  const emails = Array.from({ length: 200 }, (_, n) => `nobody${n}@example.org`);
  const costs = [];
  for (const email of emails) costs.push(await costOf(email));
  const upgraded = costs.filter((cost) => cost === 'm=16,t=1,p=1').length;
  assert.ok(upgraded > 60 && upgraded < 140, `${upgraded} of 200, half of the accounts`);
  for (const [n, email] of emails.slice(0, 20).entries()) assert.equal(await costOf(email), costs[n]);
});
