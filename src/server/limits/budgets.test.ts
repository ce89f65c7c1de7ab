// Budgets: continuous refill, refunds, concurrent uses, wrong clocks.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createFakeTime } from '../../../test/support/fakeTime.ts';
import { openTestStore } from '../../../test/support/store.ts';
import type { Store } from '../store/store.ts';
import { Budget, type BudgetSize } from './budgets.ts';

const SIZE: BudgetSize = { name: 'mails', max: 6, periodMs: 60_000 };

function createHarness(store: Store) {
  const time = createFakeTime();
  const key = randomBytes(32);
  const budget = new Budget(SIZE, key, time.clock);
  const other = new Budget({ ...SIZE, name: 'tries' }, key, time.clock);
  const spend = (subject = 'a', spent = budget) => store.transaction((tx) => spent.spend(tx, subject));
  return {
    time,
    spend,
    other,
    isUsedUp: (subject = 'a') => store.transaction((tx) => budget.isUsedUp(tx, subject)),
    refund: (subject = 'a') => store.transaction((tx) => budget.refund(tx, subject)),
    reset: (subject = 'a') => store.transaction((tx) => budget.reset(tx, subject)),
    /** Uses the budget until it is used up. @returns the number of uses */
    async exhaust(): Promise<number> {
      for (let uses = 0; ; uses += 1) if (!(await spend())) return uses;
    },
  };
}

test('a budget can be used up at once, and refills evenly', async (t) => {
  const { time, spend, exhaust } = createHarness(await openTestStore(t));
  assert.equal(await exhaust(), 6);
  time.advance(9_999);
  assert.equal(await spend(), false);
  time.advance(1);
  assert.equal(await exhaust(), 1);
  time.advance(25_000);
  assert.equal(await exhaust(), 2);
  time.advance(10 * 60_000);
  assert.equal(await exhaust(), 6);
});

test('a budget is reported as used up until one use has refilled', async (t) => {
  const { time, spend, isUsedUp, exhaust } = createHarness(await openTestStore(t));
  for (let n = 1; n <= 6; n += 1) {
    assert.equal(await isUsedUp(), false);
    await spend();
  }
  assert.equal(await isUsedUp(), true);
  time.advance(9_999);
  assert.equal(await isUsedUp(), true);
  time.advance(1);
  assert.equal(await isUsedUp(), false);
  await exhaust();
  // The clock was wrong, then or now.
  time.advance(-100_000);
  assert.equal(await isUsedUp(), false);
});

test('subjects and budgets are counted separately', async (t) => {
  const { spend, other, exhaust } = createHarness(await openTestStore(t));
  await exhaust();
  assert.equal(await spend('b'), true);
  assert.equal(await spend('a', other), true);
});

test('a refund gives one use back, a reset all', async (t) => {
  const { refund, reset, exhaust } = createHarness(await openTestStore(t));
  await refund();
  assert.equal(await exhaust(), 6);
  await refund();
  assert.equal(await exhaust(), 1);
  await reset();
  assert.equal(await exhaust(), 6);
});

test('a refund of an unused budget does not raise its limit', async (t) => {
  const { spend, refund, exhaust } = createHarness(await openTestStore(t));
  await spend();
  for (let count = 0; count < 5; count += 1) await refund();
  assert.equal(await exhaust(), 6);
});

test('concurrent uses are all counted', async (t) => {
  const { spend } = createHarness(await openTestStore(t));
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => spend()));
  assert.equal(outcomes.filter(Boolean).length, 6);
});

test('a clock that was wrong does not block a subject', async (t) => {
  const { time, exhaust } = createHarness(await openTestStore(t));
  time.advance(365 * 24 * 3_600_000);
  await exhaust();
  time.advance(-365 * 24 * 3_600_000);
  assert.equal(await exhaust(), 6);
});
