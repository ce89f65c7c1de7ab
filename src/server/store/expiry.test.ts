import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { openTestStore } from '../../../test/support/store.ts';
import { deleteExpired, type ExpiryTimes } from './expiry.ts';
import type { NewRow } from './schema.ts';
import type { Store } from './store.ts';

const id = () => randomBytes(16);
const times: ExpiryTimes = {
  sessionsUnusedSince: 1_000,
  claimsEndedBy: 2_000,
  recoveriesEndedBy: 3_000,
  loginAttemptsBefore: 4_000,
  rateWindowsBefore: 5_000,
};

function step(sessionId: Uint8Array, lastUsedAt: number): NewRow<'session_steps'> {
  return {
    step_id: id(),
    session_id: sessionId,
    parent_id: null,
    suite: 1,
    user_id: null,
    recovery_id: null,
    sealed_secret: id(),
    request_hash: null,
    sealed_answer: null,
    repeatable: 0,
    used: 0,
    last_used_at: lastUsedAt,
  };
}

/** One row of each kind, whose time is so far from the end of its kind. */
async function insertRows(store: Store, beyond: number): Promise<void> {
  await store.transaction(async ({ db }) => {
    await db
      .insertInto('session_steps')
      .values(step(id(), 1_000 + beyond))
      .execute();
    await db
      .insertInto('request_claims')
      .values({ step_id: id(), request_hash: id(), claim_token: id(), lease_until: 2_000 + beyond })
      .execute();
    await db
      .insertInto('recoveries')
      .values({
        recovery_id: id(),
        user_id: null,
        code_hash: id(),
        tries: 0,
        expires_at: 3_000 + beyond,
        confirmed_at: null,
        used_at: null,
      })
      .execute();
    await db
      .insertInto('login_attempts')
      .values({ account_key: id(), failures: 5, last_attempt_at: 4_000 + beyond, locked_until: null })
      .execute();
    await db
      .insertInto('rate_counters')
      .values({ counter_key: id(), window_started_at: 5_000 + beyond, count: 1 })
      .execute();
  });
}

const TABLES = ['session_steps', 'request_claims', 'recoveries', 'login_attempts', 'rate_counters'] as const;

async function countRows(store: Store): Promise<Record<string, number>> {
  return store.transaction(async ({ db }) => {
    const counts: Record<string, number> = {};
    for (const table of TABLES) {
      const rows = await db
        .selectFrom(table)
        .select(({ fn }) => fn.countAll<number>().as('n'))
        .execute();
      counts[table] = rows[0]?.n ?? -1;
    }
    return counts;
  });
}

const all = (n: number) => Object.fromEntries(TABLES.map((table) => [table, n]));

describe('deleteExpired', () => {
  test('deletes what came to its end at the very millisecond, and nothing that lives a millisecond longer', async (t) => {
    const store = await openTestStore(t);
    for (const beyond of [-500, -1, 0]) await insertRows(store, beyond);
    assert.equal(await store.transaction((tx) => deleteExpired(tx, times, 10)), 3);
    assert.deepEqual(await countRows(store), all(0));
    for (const beyond of [1, 500]) await insertRows(store, beyond);
    assert.equal(await store.transaction((tx) => deleteExpired(tx, times, 10)), 0);
    assert.deepEqual(await countRows(store), all(2));
  });

  test('deletes a bounded number at a time, and says whether more may be left', async (t) => {
    const store = await openTestStore(t);
    for (let row = 0; row < 5; row++) await insertRows(store, -row);
    await insertRows(store, 1);
    const sweep = () => store.transaction((tx) => deleteExpired(tx, times, 2));
    assert.ok((await sweep()) >= 2);
    // Claims are few: they go at once.
    assert.deepEqual(await countRows(store), { ...all(4), request_claims: 1 });
    assert.equal(await sweep(), 2);
    assert.equal(await sweep(), 1);
    assert.deepEqual(await countRows(store), all(1));
    assert.equal(await sweep(), 0);
  });

  test('keeps every step of a session that is in use: an old one may hold an answer that is still asked for', async (t) => {
    const store = await openTestStore(t);
    const [inUse, unused] = [id(), id()];
    await store.transaction(async (tx) => {
      const { db } = tx;
      const steps = [step(inUse, 1), step(inUse, 900), step(inUse, 1_001), step(unused, 1), step(unused, 1_000)];
      await db.insertInto('session_steps').values(steps).execute();
      await deleteExpired(tx, times, 10);
      const left = await db.selectFrom('session_steps').select('session_id').execute();
      assert.deepEqual(
        left.map(({ session_id }) => Buffer.from(session_id)),
        [inUse, inUse, inUse],
      );
    });
  });
});
