// Sweeper: intervals, failures, stopping.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { openTestStore } from '../../../test/support/store.ts';
import type { ExpiryTimes } from './expiry.ts';
import type { Store } from './store.ts';
import { STUCK_SWEEPS, SWEEP_BATCH, Sweeper } from './sweeper.ts';

const SWEEP_INTERVAL_MS = 10_000;
const BUSY_INTERVAL_MS = 50;

const upTo = (time: number): ExpiryTimes => ({
  sessionsUnusedSince: time,
  handshakesUnusedSince: { 1: time, 2: time },
  requestLocksExpiredBy: time,
  recoveriesEndedBy: time,
  emailChangesEndedBy: time,
  registrationsEndedBy: time,
  invitesEndedBy: time,
  loginAttemptsBefore: time,
  rateWindowsBefore: time,
  knownClientsUnusedSince: time,
  budgetsFullBy: time,
  kemKeysEndedBy: time,
  messages: { now: time, endsShownUntil: time },
});

async function insertCounters(store: Store, count: number, windowStartedAt: number): Promise<void> {
  await store.transaction(async ({ db }) => {
    for (let row = 0; row < count; row++) {
      const counter = { counter_key: randomBytes(16), window_started_at: windowStartedAt, count: 1 };
      await db.insertInto('rate_counters').values(counter).execute();
    }
  });
}

async function countCounters(store: Store): Promise<number> {
  const query = store.transaction(({ db }) =>
    db
      .selectFrom('rate_counters')
      .select(({ fn }) => fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow(),
  );
  return (await query).n;
}

/** Creates a sweeper with mocked timers on a store that fails on demand. */
async function createHarness(t: TestContext) {
  // Before the store is opened: timers of its connections could not be cleared later and would keep the process alive.
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const store = await openTestStore(t);
  const errors: unknown[] = [];
  const log = { truncations: 0, isHeld: false, reports: 0 };
  let begun = 0;
  let failure: Error | undefined;
  let sweep: Promise<unknown> = Promise.resolve();
  const watched: Store = {
    engine: store.engine,
    location: store.location,
    async truncateLog() {
      log.truncations += 1;
      return !log.isHeld;
    },
    close: () => store.close(),
    transaction(work) {
      begun += 1;
      const transaction = failure ? Promise.reject(failure) : store.transaction(work);
      sweep = transaction.catch(() => {});
      return transaction;
    },
  };
  const sweeper = new Sweeper(watched, upTo, () => 100, {
    error: (error) => errors.push(error),
    stuckLog() {
      log.reports += 1;
    },
  });
  t.after(() => sweeper.stop());
  return {
    store,
    sweeper,
    errors,
    log,
    fail: (error: Error | undefined) => {
      failure = error;
    },
    /**
     * Advances the timers.
     *
     * @returns the number of sweeps, after they ended
     */
    async turn(milliseconds: number): Promise<number> {
      const before = begun;
      t.mock.timers.tick(milliseconds);
      await sweep;
      await new Promise((resolve) => setImmediate(resolve));
      return begun - before;
    },
  };
}

test('sweeps every ten seconds, and deletes only expired rows', async (t) => {
  const { store, sweeper, turn } = await createHarness(t);
  await insertCounters(store, 3, 100);
  await insertCounters(store, 2, 101);
  sweeper.start();
  assert.equal(await turn(SWEEP_INTERVAL_MS - 1), 0);
  assert.equal(await turn(1), 1);
  assert.equal(await countCounters(store), 2);
  assert.equal(await turn(SWEEP_INTERVAL_MS - 1), 0);
  assert.equal(await turn(1), 1);
});

test('sweeps again soon while a sweep reaches its limit', async (t) => {
  const { store, sweeper, turn } = await createHarness(t);
  await insertCounters(store, 2 * SWEEP_BATCH + 1, 100);
  sweeper.start();
  await turn(SWEEP_INTERVAL_MS);
  assert.equal(await countCounters(store), SWEEP_BATCH + 1);
  assert.equal(await turn(BUSY_INTERVAL_MS - 1), 0);
  assert.equal(await turn(1), 1);
  assert.equal(await countCounters(store), 1);
  assert.equal(await turn(BUSY_INTERVAL_MS), 1);
  assert.equal(await countCounters(store), 0);
  assert.equal(await turn(BUSY_INTERVAL_MS), 0);
});

test('a failed sweep is reported, and sweeping continues', async (t) => {
  const { store, sweeper, errors, fail, turn } = await createHarness(t);
  await insertCounters(store, 1, 100);
  const failure = new Error('the disk is unavailable');
  fail(failure);
  sweeper.start();
  assert.equal(await turn(SWEEP_INTERVAL_MS), 1);
  assert.deepEqual(errors, [failure]);
  fail(undefined);
  assert.equal(await turn(SWEEP_INTERVAL_MS), 1);
  assert.deepEqual(errors, [failure]);
  assert.equal(await countCounters(store), 0);
});

test('stopping waits for a sweep in progress and prevents further ones', async (t) => {
  const { store, sweeper, turn } = await createHarness(t);
  await insertCounters(store, 2 * SWEEP_BATCH, 100);
  sweeper.start();
  t.mock.timers.tick(SWEEP_INTERVAL_MS);
  await sweeper.stop();
  assert.equal(await countCounters(store), SWEEP_BATCH);
  assert.equal(await turn(10 * SWEEP_INTERVAL_MS), 0);
});

test('the write-ahead log is truncated after a sweep that found little; if others hold it, that is reported', async (t) => {
  const { store, sweeper, log, turn } = await createHarness(t);
  await insertCounters(store, SWEEP_BATCH + 1, 100);
  sweeper.start();
  await turn(SWEEP_INTERVAL_MS);
  assert.equal(log.truncations, 0);
  await turn(BUSY_INTERVAL_MS);
  assert.equal(log.truncations, 1);
  log.isHeld = true;
  for (let n = 1; n < STUCK_SWEEPS; n += 1) await turn(SWEEP_INTERVAL_MS);
  assert.equal(log.reports, 0);
  await turn(SWEEP_INTERVAL_MS);
  assert.equal(log.reports, 1);
});
