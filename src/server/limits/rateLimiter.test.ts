// RateLimiter: windows, concurrency, several processes, wrong clocks.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { createFakeTime } from '../../../test/support/fakeTime.ts';
import { openTestStore } from '../../../test/support/store.ts';
import { Problem } from '../../protocol/problems.ts';
import type { Transaction } from '../store/store.ts';
import { type RateLimit, RateLimiter } from './rateLimiter.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const LOGINS: RateLimit = { name: 'logins', max: 3, windowMs: MINUTE_MS };
const KEY = randomBytes(32);

/** @returns the seconds until the next attempt, 0 if the event was accepted */
type Consume = (subject: string, limit?: RateLimit, limiter?: RateLimiter) => Promise<number>;

async function createHarness(t: TestContext) {
  const store = await openTestStore(t);
  // At a full minute, where windows of a minute begin.
  const time = createFakeTime(Date.UTC(2026, 10, 22, 14, 22));
  const limiter = new RateLimiter(KEY, time.clock);
  const consume: Consume = async (subject, limit = LOGINS, by = limiter) => {
    try {
      await store.transaction((tx) => by.consume(tx, limit, subject));
      return 0;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      assert.equal(error.code, 'too_many_requests');
      return error.retryAfterSeconds ?? assert.fail('Retry-After is missing');
    }
  };
  const rows = () => store.transaction(({ db }) => db.selectFrom('rate_counters').selectAll().execute());
  return { store, time, limiter, consume, rows };
}

async function exhaust(consume: Consume, subject: string, limit = LOGINS): Promise<void> {
  for (let n = 0; n < limit.max; n += 1) assert.equal(await consume(subject, limit), 0);
}

test('accepts the limit per window; the next event learns when the window ends', async (t) => {
  const { time, consume } = await createHarness(t);
  time.advance(10 * SECOND_MS + 1);
  await exhaust(consume, 'a');
  assert.equal(await consume('a'), 50);
  time.advance(49 * SECOND_MS + 998);
  assert.equal(await consume('a'), 1);
  time.advance(1);
  await exhaust(consume, 'a');
  assert.equal(await consume('a'), 60);
});

test('accepts the same number of concurrent events', async (t) => {
  const { consume } = await createHarness(t);
  const waits = await Promise.all(Array.from({ length: 10 }, () => consume('a')));
  assert.deepEqual(waits.map((wait) => wait > 0).toSorted(), [...Array(3).fill(false), ...Array(7).fill(true)]);
});

test('counts subjects and limits separately', async (t) => {
  const { consume } = await createHarness(t);
  await exhaust(consume, 'a');
  await exhaust(consume, 'b');
  await exhaust(consume, 'a', { ...LOGINS, name: 'registrations' });
  assert.equal(await consume('a'), 60);
});

test('processes on one database share the counts', async (t) => {
  const { time, consume } = await createHarness(t);
  const other = new RateLimiter(KEY, time.clock);
  assert.equal(await consume('a'), 0);
  assert.equal(await consume('a', LOGINS, other), 0);
  assert.equal(await consume('a'), 0);
  assert.equal(await consume('a', LOGINS, other), 60);
  assert.equal(await consume('a'), 60);
});

test('a rejected subject causes no further database access until the window ends', async (t) => {
  const { time, limiter, consume, rows } = await createHarness(t);
  await exhaust(consume, 'a');
  await consume('a');
  const before = await rows();
  const noDatabase = {
    get db(): never {
      throw new Error('the database was accessed');
    },
  } as unknown as Transaction;
  for (let n = 0; n < 5; n += 1) {
    time.advance(11 * SECOND_MS);
    await assert.rejects(limiter.consume(noDatabase, LOGINS, 'a'), { code: 'too_many_requests' });
  }
  assert.deepEqual(await rows(), before);
  time.advance(5 * SECOND_MS);
  await assert.rejects(limiter.consume(noDatabase, LOGINS, 'a'), /the database was accessed/);
  assert.equal(await consume('a'), 0);
});

test('a rejection made with a wrong clock does not outlast the correction', async (t) => {
  const { consume, time } = await createHarness(t);
  time.advance(400 * 24 * 60 * MINUTE_MS);
  await exhaust(consume, 'one');
  assert.equal(await consume('one'), 60);
  time.advance(-400 * 24 * 60 * MINUTE_MS);
  await exhaust(consume, 'one');
  assert.equal(await consume('one'), 60);
});

test('the database does not reveal the subjects', async (t) => {
  const { consume, rows } = await createHarness(t);
  await consume('192.0.2.7');
  const [row] = await rows();
  assert.equal(row?.counter_key.length, 32);
  assert.doesNotMatch(Buffer.from(row?.counter_key ?? []).toString('latin1'), /192|logins/);
});
