// Upgrades of databases that earlier versions created.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { type Compilable, sql } from 'kysely';
import { newStoreLocation } from '../../../test/support/store.ts';
import { migrations } from './migrations.ts';
import { openStore, type StoreLocation } from './open.ts';
import { openPostgres } from './postgres.ts';
import type { Schema } from './schema.ts';
import { findSealedResponse, findStep } from './sessionSteps.ts';
import { openSqlite } from './sqlite.ts';
import type { Store, Transaction } from './store.ts';
import { findSessionsOfUser } from './userSessions.ts';
import { findUserById } from './users.ts';

const columnTypes = {
  sqlite: { bytes: 'BLOB', integer: 'INTEGER', table: 'STRICT' },
  postgres: { bytes: 'BYTEA', integer: 'BIGINT', table: '' },
};
const MINUTE_MS = 60_000;

async function openAsItIs(location: StoreLocation): Promise<Store> {
  return location.engine === 'sqlite' ? openSqlite(location.path) : openPostgres(location);
}

/** Creates the database of a version that had only the first migration. */
async function createVersion1({ db, engine }: Transaction): Promise<void> {
  const types = columnTypes[engine];
  const statements = [
    `CREATE TABLE schema_migrations (version ${types.integer} PRIMARY KEY, applied_at ${types.integer} NOT NULL)`,
    'INSERT INTO schema_migrations VALUES (1, 5)',
    ...(migrations.find(({ version }) => version === 1)?.statements(types) ?? []),
  ];
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const id = () => randomBytes(16);
type Rows = { readonly [T in keyof Schema]?: readonly object[] };

/** Rows written by version 1: a user with a logged-in session, and one row of every other kind. */
function rowsOfVersion1(time: number) {
  const [user_id, session_id, parent_id, request_hash, recovery_id] = [id(), id(), id(), id(), id()];
  const names = {
    username: `Ada ${time}`,
    username_key: `ada ${time}`,
    email: `Ada@${time}`,
    email_key: `ada@${time}`,
  };
  const step = { session_id, suite: 1, sealed_secret: id(), repeatable: 0 };
  const rows = {
    master_keys: [{ master_key_id: `key ${time}`, created_at: time }],
    users: [{ user_id, ...names, password_hash: 'hash', created_at: time }],
    user_keys: [{ user_id, version: 1, master_key_id: `key ${time}`, wrapped_key: id(), created_at: time }],
    session_steps: [
      {
        ...{ ...step, step_id: parent_id, parent_id: id(), user_id: null, recovery_id: null, used: 1 },
        ...{ request_hash: id(), sealed_response: id(), last_used_at: time },
      },
      {
        ...{ ...step, step_id: id(), parent_id, user_id, recovery_id, used: 0 },
        ...{ request_hash, sealed_response: id(), last_used_at: time + 1 },
      },
    ],
    request_locks: [{ step_id: parent_id, request_hash, lock_token: id(), lease_until: time }],
    login_attempts: [{ account_key: id(), failures: 3, last_attempt_at: time, locked_until: null }],
    recoveries: [
      { recovery_id, user_id, code_hash: id(), tries: 1, expires_at: time, confirmed_at: null, used_at: null },
    ],
    rate_counters: [{ counter_key: id(), window_started_at: time, count: 2 }],
    outbox: [
      {
        ...{ mail_id: id(), sealed_mail: id(), created_at: time, expires_at: time, attempts: 0 },
        ...{ next_attempt_at: time, lease_token: null },
      },
    ],
  } satisfies Rows;
  return { rows, user_id, session_id, parent_id, request_hash, answer: rows.session_steps[1]?.sealed_response ?? id() };
}

async function insertAll({ db }: Transaction, rows: Rows): Promise<void> {
  for (const [table, values] of Object.entries(rows)) {
    const insertion: Compilable & { execute(): Promise<unknown> } = db
      .insertInto(table as keyof Schema)
      .values(values as never);
    await insertion.execute();
  }
}

/** Returns all rows of a table, with the given columns separated from those added later. */
async function readAll({ db }: Transaction, table: keyof Schema, columns: readonly string[]) {
  const rows = (await db.selectFrom(table).selectAll().execute()) as Record<string, unknown>[];
  const split = rows.map((row) => {
    const entries = Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? hex(value) : value,
    ]);
    const isOld = ([name]: unknown[]) => columns.includes(String(name));
    return {
      old: Object.fromEntries(entries.filter(isOld)),
      added: Object.fromEntries(entries.filter((entry) => !isOld(entry))),
    };
  });
  return split.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

/** Columns of later versions in rows of version 1. */
const ADDED = {
  users: { min_suite: 1, login_notices: 0, email_verified_at: null },
  session_steps: { started_at: 0, epoch_id: null },
  request_locks: { attempts: 0 },
  recoveries: { email_hash: null, code_id: null, client_key: null, group_key: null },
};

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Returns rows after the migrations: used steps are known, the number of their requests is not. */
function upgraded<R extends ReturnType<typeof rowsOfVersion1>['rows']>(rows: R) {
  return { ...rows, session_steps: rows.session_steps.map((step) => ({ ...step, used: 2 * step.used })) };
}

async function openUpgraded(t: TestContext) {
  const location = await newStoreLocation(t);
  const before = rowsOfVersion1(1_000);
  const old = await openAsItIs(location);
  t.after(() => old.close());
  await old.transaction(async (tx) => {
    await createVersion1(tx);
    await insertAll(tx, before.rows);
  });
  const store = await openStore(location, 2_000);
  t.after(() => store.close());
  return { old, store, before };
}

async function assertRows(store: Store, rows: Rows, added: Partial<Record<keyof Schema, object>>): Promise<void> {
  for (const [table, written] of Object.entries(rows) as [keyof Schema, object[]][]) {
    const columns = Object.keys(written[0] ?? {});
    const found = await store.transaction((tx) => readAll(tx, table, columns));
    const wanted = written.map((row) => ({
      old: Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, value instanceof Uint8Array ? hex(value) : value]),
      ),
      added: added[table] ?? {},
    }));
    const sorted = (list: unknown[]) => list.map((row) => sortedJson(row)).sort();
    assert.deepEqual(sorted(found), sorted(wanted), table);
  }
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a.localeCompare(b)))
      : part,
  );
}

test('every row of version 1 keeps its meaning', async (t) => {
  const { store, before } = await openUpgraded(t);
  await assertRows(store, upgraded(before.rows), ADDED);
  await store.transaction(async (tx) => {
    assert.equal((await findUserById(tx, before.user_id))?.min_suite, 1);
    const parent = await findStep(tx, before.parent_id);
    assert.ok(parent);
    const answer = await findSealedResponse(tx, parent, before.request_hash);
    assert.equal(hex(answer ?? id()), hex(before.answer));
    const [session, ...others] = await findSessionsOfUser(tx, before.user_id, 0, 10);
    assert.equal(hex(session?.session_id ?? id()), hex(before.session_id));
    assert.deepEqual([session?.started_at, session?.last_used_at, others], [0, 1_001, []]);
  });
});

test('each migration is recorded with its time', async (t) => {
  const { store } = await openUpgraded(t);
  const rows = await store.transaction(({ db }) =>
    db.selectFrom('schema_migrations').select(['version', 'applied_at']).orderBy('version').execute(),
  );
  const expected = migrations.map(({ version }) => ({ version, applied_at: version === 1 ? 5 : 2_000 }));
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    expected,
  );
});

test('a running process of version 1 can still write', async (t) => {
  const { old, store, before } = await openUpgraded(t);
  const after = rowsOfVersion1(1_000 + MINUTE_MS);
  await old.transaction((tx) => insertAll(tx, after.rows));
  const all = Object.entries(upgraded(before.rows)).map(([table, rows]) => [
    table,
    [...rows, ...after.rows[table as 'users']],
  ]);
  await assertRows(store, Object.fromEntries(all) as Rows, ADDED);
});
