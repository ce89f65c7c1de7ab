// Counting of login attempts, and the lock.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { newStoreLocation } from '../../../test/support/store.ts';
import { openTwoStores, race } from '../../../test/support/storeFixtures.ts';
import { type CountedAttempt, clearLoginAttempts, countLoginAttempt, type LockRule } from './loginAttempts.ts';
import type { Transaction } from './store.ts';

const rule: LockRule = { maxFailures: 5, lockDurationMs: 900, memoryMs: 10_000 };
const START = 1_000_000;

/** Counts attempts of one account in an empty database. */
async function createAccount(t: TestContext) {
  const stores = await openTwoStores(t, await newStoreLocation(t));
  const accountKey = randomBytes(32);
  const count = (tx: Transaction, now: number) => countLoginAttempt(tx, accountKey, now, rule);
  return {
    stores,
    countAt: async (now: number): Promise<CountedAttempt> => ({
      ...(await stores[0].transaction((tx) => count(tx, now))),
    }),
    countAtOnce: (attempts: number, now: number) => race(stores, attempts, (tx) => count(tx, now)),
    clear: () => stores[0].transaction((tx) => clearLoginAttempts(tx, accountKey)),
  };
}

const unlocked = (failures: number): CountedAttempt => ({ failures, locked_until: null });

describe('countLoginAttempt', () => {
  test('counts N concurrent attempts in two processes as N, and locks at the fifth', async (t) => {
    const { countAtOnce } = await createAccount(t);
    const counted = await countAtOnce(40, START);
    const byCount = counted.toSorted((a, b) => a.failures - b.failures);
    assert.deepEqual(
      byCount.map(({ failures }) => failures),
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
    for (const { failures, locked_until } of counted) {
      assert.equal(locked_until, failures < 5 ? null : START + rule.lockDurationMs, `attempt ${failures}`);
    }
  });

  test('the lock ends after its duration, regardless of attempts in between', async (t) => {
    const { countAt } = await createAccount(t);
    for (let attempt = 1; attempt <= 4; attempt++) assert.deepEqual(await countAt(START), unlocked(attempt));
    const locked_until = START + 10 + rule.lockDurationMs;
    assert.deepEqual(await countAt(START + 10), { failures: 5, locked_until });
    assert.deepEqual(await countAt(START + 20), { failures: 6, locked_until });
    assert.deepEqual(await countAt(locked_until - 1), { failures: 7, locked_until });
    assert.deepEqual(await countAt(locked_until), unlocked(1));
    assert.deepEqual(await countAt(locked_until), unlocked(2));
  });

  test('concurrent attempts at the end of the lock: one resets the count, the others increase it', async (t) => {
    const { countAt, countAtOnce } = await createAccount(t);
    for (let attempt = 1; attempt <= 5; attempt++) await countAt(START);
    const counted = await countAtOnce(10, START + rule.lockDurationMs);
    assert.deepEqual(
      counted.map(({ failures }) => failures).sort((a, b) => a - b),
      Array.from({ length: 10 }, (_, index) => index + 1),
    );
  });

  test('failures are forgotten exactly after a day without attempts', async (t) => {
    const { countAt } = await createAccount(t);
    await countAt(START);
    assert.deepEqual(await countAt(START + rule.memoryMs - 1), unlocked(2));
    assert.deepEqual(await countAt(START + 2 * rule.memoryMs - 1), unlocked(1));
  });

  test('accounts are counted separately, and clearing affects one account', async (t) => {
    const { stores, countAt, clear } = await createAccount(t);
    await countAt(START);
    const other = await stores[1].transaction((tx) => countLoginAttempt(tx, randomBytes(32), START, rule));
    assert.equal(other.failures, 1);
    assert.deepEqual(await countAt(START), unlocked(2));
    await clear();
    assert.deepEqual(await countAt(START), unlocked(1));
  });
});
