// Credentials: counted attempts, locks, rehashing and the proof of a password.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  type AccountsHarness,
  createAccountsHarness,
  createTestHasher,
  outcomeOf,
} from '../../../test/support/accounts.ts';
import { openTestStore } from '../../../test/support/store.ts';
import { Credentials, LOCK_RULE } from './credentials.ts';

const EMAIL = 'ada@example.org';
const UNKNOWN = 'nobody@example.org';
const PASSWORD = 'blue owl sky';
const MINUTE_MS = 60_000;

const guess = ({ credentials }: AccountsHarness, email = EMAIL) =>
  outcomeOf(credentials.verify(email, 'green owl sky'));
const give = ({ credentials }: AccountsHarness, email = EMAIL) => outcomeOf(credentials.verify(email, PASSWORD));

async function guessAgainAndAgain(harness: AccountsHarness, times: number, email = EMAIL): Promise<void> {
  for (let n = 0; n < times; n += 1) assert.equal(await guess(harness, email), 'invalid_credentials');
}

test('a correct password verifies; a wrong one and an unknown address are rejected identically', async (t) => {
  const harness = await createAccountsHarness(await openTestStore(t));
  const userId = await harness.register('Ada', EMAIL, PASSWORD);
  const { user } = await harness.credentials.verify(EMAIL, PASSWORD);
  assert.deepEqual(Buffer.from(user.user_id), Buffer.from(userId));
  const problems = await Promise.all(
    [EMAIL, UNKNOWN].map((email) => harness.credentials.verify(email, 'green owl sky').catch((problem) => problem)),
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
    const shared = { store: one.store, clock: one.time.clock, attemptsKey: randomBytes(32) };
    const processes = await Promise.all(
      Array.from(
        { length: 2 },
        async () => new Credentials({ ...shared, reportLock: async () => {}, hasher: await createTestHasher() }),
      ),
    );
    const outcomes = await Promise.all(
      processes.flatMap((process) =>
        Array.from({ length: 6 }, () => outcomeOf(process.verify(EMAIL, 'green owl sky'))),
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
    await harness.transact((tx) => harness.credentials.unlock(tx, EMAIL));
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
  const room = Promise.withResolvers<undefined>();
  const others = [harness.hasher.verify(() => room.promise, 'any'), harness.hasher.verify(() => room.promise, 'any')];
  for (let n = 0; n < 10; n += 1) assert.equal(await guess(harness), 'overloaded');
  room.resolve(undefined);
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
  const verified = await after.credentials.verify(EMAIL, PASSWORD);
  assert.match(await storedHash(), /\$m=16,/);
  await after.transact((tx) => after.credentials.confirm(tx, verified));
  assert.equal(await give(after), 'done');
});

describe('confirming a verified password', () => {
  test('returns the current user', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    await harness.register('Ada', EMAIL, PASSWORD);
    const verified = await harness.credentials.verify(EMAIL, PASSWORD);
    const renaming = await harness.accounts.prepareUsernameChange(verified.user.user_id, 'Ada L.', PASSWORD);
    await harness.transact((tx) => harness.accounts.changeUsername(tx, renaming));
    const user = await harness.transact((tx) => harness.credentials.confirm(tx, verified));
    assert.equal(user.username, 'Ada L.');
  });

  test('rejects a password that was changed since it was verified', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    const userId = await harness.register('Ada', EMAIL, PASSWORD);
    const verified = await harness.credentials.verify(EMAIL, PASSWORD);
    const change = await harness.accounts.preparePasswordChange(userId, PASSWORD, 'green owl sky');
    await harness.transact((tx) => harness.accounts.changePassword(tx, randomBytes(16), change));
    const confirming = harness.transact((tx) => harness.credentials.confirm(tx, verified));
    assert.equal(await outcomeOf(confirming), 'invalid_credentials');
  });

  test('rejects a deleted account', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t));
    await harness.register('Ada', EMAIL, PASSWORD);
    const verified = await harness.credentials.verify(EMAIL, PASSWORD);
    await harness.transact(({ db }) => db.deleteFrom('users').execute());
    const confirming = harness.transact((tx) => harness.credentials.confirm(tx, verified));
    assert.equal(await outcomeOf(confirming), 'invalid_credentials');
  });
});
