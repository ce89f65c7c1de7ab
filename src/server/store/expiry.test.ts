// Deletion of expired rows.
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
  handshakesUnusedSince: { 1: -2_000, 2: 6_000 },
  requestLocksExpiredBy: 2_000,
  recoveriesEndedBy: 3_000,
  emailChangesEndedBy: 3_000,
  registrationsEndedBy: 3_000,
  invitesEndedBy: 3_000,
  loginAttemptsBefore: 4_000,
  rateWindowsBefore: 5_000,
  budgetsFullBy: 8_000,
  knownClientsUnusedSince: 9_000,
  kemKeysEndedBy: 7_000,
  messages: { now: 0, endsShownUntil: 0 },
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
    sealed_response: null,
    repeatable: 0,
    used: 0,
    last_used_at: lastUsedAt,
    started_at: lastUsedAt,
  };
}

/** Inserts one row of each kind with a distance to its expiry. */
async function insertRows(store: Store, beyond: number): Promise<void> {
  await store.transaction(async ({ db }) => {
    await db
      .insertInto('session_steps')
      .values(step(id(), 1_000 + beyond))
      .execute();
    await db
      .insertInto('request_locks')
      .values({ step_id: id(), request_hash: id(), lock_token: id(), lease_until: 2_000 + beyond })
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
      .insertInto('pending_registrations')
      .values({
        registration_id: id(),
        sealed_registration: id(),
        code_hash: id(),
        tries: 0,
        expires_at: 3_000 + beyond,
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
    await db
      .insertInto('budgets')
      .values({ budget_key: id(), full_at: 8_000 + beyond })
      .execute();
    const user = { user_id: id(), username: 'u', email: 'e', password_hash: 'p', created_at: 0 };
    const keys = { username_key: user.user_id.toString('hex'), email_key: user.user_id.toString('hex') };
    await db
      .insertInto('users')
      .values({ ...user, ...keys })
      .execute();
    await db
      .insertInto('known_clients')
      .values({ client_hash: id(), user_id: user.user_id, kind: 1, last_used_at: 9_000 + beyond })
      .execute();
    await db
      .insertInto('kem_keys')
      .values({
        kid: id(),
        identity: id(),
        descriptor: id(),
        signature: id(),
        sealed_seed: id(),
        not_before: 0,
        not_after: 7_000 + beyond,
      })
      .execute();
  });
}

const TABLES = [
  ...(['session_steps', 'request_locks', 'recoveries', 'login_attempts', 'rate_counters', 'kem_keys'] as const),
  ...(['budgets', 'known_clients', 'pending_registrations'] as const),
];

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
  test('deletes rows exactly at their expiry, not a millisecond before', async (t) => {
    const store = await openTestStore(t);
    for (const beyond of [-500, -1, 0]) await insertRows(store, beyond);
    assert.equal(await store.transaction((tx) => deleteExpired(tx, times, 10)), 3);
    assert.deepEqual(await countRows(store), all(0));
    for (const beyond of [1, 500]) await insertRows(store, beyond);
    assert.equal(await store.transaction((tx) => deleteExpired(tx, times, 10)), 0);
    assert.deepEqual(await countRows(store), all(2));
  });

  test('deletes a bounded number of rows, and reports whether more may remain', async (t) => {
    const store = await openTestStore(t);
    for (let row = 0; row < 5; row++) await insertRows(store, -row);
    await insertRows(store, 1);
    const sweep = () => store.transaction((tx) => deleteExpired(tx, times, 2));
    assert.ok((await sweep()) >= 2);
    // Request locks and KEM keys are few and deleted without a bound.
    assert.deepEqual(await countRows(store), { ...all(4), request_locks: 1, kem_keys: 1 });
    assert.equal(await sweep(), 2);
    assert.equal(await sweep(), 1);
    assert.deepEqual(await countRows(store), all(1));
    assert.equal(await sweep(), 0);
  });

  test('keeps all steps of a used session, because an old one may contain an answer that is requested again', async (t) => {
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

  test('deletes unused sessions of suite 2 earlier, and no others', async (t) => {
    const store = await openTestStore(t);
    const unused = { suite: 2, used: 0, parent_id: null };
    const rows = {
      'at its end': { ...step(id(), 6_000), ...unused },
      'a millisecond younger': { ...step(id(), 6_001), ...unused },
      'of suite 1': { ...step(id(), 6_000), ...unused, suite: 1 },
      used: { ...step(id(), 6_000), ...unused, used: 1 },
      'an answer': { ...step(id(), 6_000), ...unused, parent_id: id() },
    };
    await store.transaction(async (tx) => {
      await tx.db.insertInto('session_steps').values(Object.values(rows)).execute();
      assert.equal(await deleteExpired(tx, times, 10), 1);
      const left = await tx.db.selectFrom('session_steps').select('step_id').execute();
      const ids = left.map(({ step_id }) => Buffer.from(step_id).toString('hex'));
      const names = Object.entries(rows).filter(([, row]) => ids.includes(Buffer.from(row.step_id).toString('hex')));
      assert.deepEqual(
        names.map(([name]) => name),
        ['a millisecond younger', 'of suite 1', 'used', 'an answer'],
      );
    });
  });

  test('deletes a bounded number of unused sessions of suite 2', async (t) => {
    const store = await openTestStore(t);
    const rows = Array.from({ length: 5 }, () => ({ ...step(id(), 6_000), suite: 2 }));
    await store.transaction(({ db }) => db.insertInto('session_steps').values(rows).execute());
    const sweep = () => store.transaction((tx) => deleteExpired(tx, times, 2));
    const found = [await sweep(), await sweep(), await sweep(), await sweep()];
    assert.deepEqual(found, [2, 2, 1, 0]);
  });
});
