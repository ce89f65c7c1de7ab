// `vws db copy`, from SQLite to the engine under test and back.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { dumpDatabase } from '../../../test/support/sql.ts';
import { newStoreLocation } from '../../../test/support/store.ts';
import { newDatabasePath } from '../../../test/support/storeFixtures.ts';
import { killVwsAt, runVws } from '../../../test/support/vws.ts';
import { migrations, SCHEMA_VERSION } from '../../server/store/migrations.ts';
import { openStore, type StoreLocation } from '../../server/store/open.ts';
import type { Transaction } from '../../server/store/store.ts';
import { insertRows } from './rows.ts';
import { tables } from './tables.ts';

const STEPS = 250;
/** Enough that a copy is still running when the signal to kill it arrives. */
const MANY_STEPS = 6_000;
const EMAIL = 'user@example.org';

const urlOf = (location: StoreLocation) => (location.engine === 'sqlite' ? `sqlite:${location.path}` : location.url);
const copy = (from: string, to: string) => runVws(['db', 'copy', '--from', from, '--to', to]);

/** Opens a database and runs one transaction. */
async function change<T>(location: StoreLocation, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const store = await openStore(location, 0);
  try {
    return await store.transaction(work);
  } finally {
    await store.close();
  }
}

/**
 * Creates a SQLite database with one row in every table except session_steps, which has many.
 *
 * @returns its URL
 */
async function newSource(t: TestContext, steps = STEPS): Promise<string> {
  const path = await newDatabasePath(t);
  await change({ engine: 'sqlite', path }, async (tx) => {
    const userId = randomBytes(16);
    const users = { user_id: userId, sender_id: userId, recipient_id: userId };
    const shared = { master_key_id: 'a key', ...users, email: EMAIL, version: 1 };
    for (const table of tables.filter(({ name }) => name !== 'session_steps')) {
      const values = table.columns.map(({ name, kind }) => {
        const fresh = { integer: 7, text: `text of ${name}`, bytes: randomBytes(32) }[kind];
        return [name, shared[name as keyof typeof shared] ?? fresh];
      });
      await insertRows(tx, table, [Object.fromEntries(values)]);
    }
    await sql`
      WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${steps})
      INSERT INTO session_steps SELECT randomblob(32), randomblob(16), randomblob(32), 1, ${shared.user_id}, NULL,
        randomblob(90), randomblob(32), randomblob(900), 0, n % 2, 1700000000000 + n,
        1600000000000 + n, NULL FROM numbers`.execute(tx.db);
  });
  return `sqlite:${path}`;
}

async function assertSame(from: string, to: string, steps = STEPS): Promise<void> {
  const dump = await dumpDatabase(from);
  assert.equal(dump.session_steps?.length, steps);
  assert.deepEqual(await dumpDatabase(to), dump);
}

/** Asserts that the database has no tables. */
async function assertUntouched(location: StoreLocation): Promise<void> {
  assert.deepEqual(await dumpDatabase(urlOf(location)), {});
}

test('copies, compares and counts all rows, in both directions', async (t) => {
  const from = await newSource(t);
  const to = await newStoreLocation(t);
  const { code, stdout, stderr } = await copy(from, urlOf(to));
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Copied and compared row by row:$/m);
  for (const { name } of tables) {
    assert.match(stdout, new RegExp(`^  ${name} +${name === 'session_steps' ? STEPS : 1}$`, 'm'));
  }
  assert.match(stdout, new RegExp(`^  total rows +${STEPS + tables.length - 1}$`, 'm'));
  assert.match(stdout, /same master key \(id a key\)/);
  await assertSame(from, urlOf(to));

  const back = `sqlite:${await newDatabasePath(t)}`;
  assert.equal((await copy(urlOf(to), back)).code, 0);
  await assertSame(from, back);
});

test('a server of this version can open the copy; a SQLite file is private', async (t) => {
  const from = await newSource(t);
  const to = await newStoreLocation(t);
  assert.equal((await copy(from, urlOf(to))).code, 0);
  const { rows } = await change(to, ({ db }) => sql`SELECT version FROM schema_migrations`.execute(db));
  assert.equal(rows.length, migrations.length);
  if (to.engine === 'sqlite') assert.equal(statSync(to.path).mode & 0o777, 0o600);
  await assertSame(from, urlOf(to));
});

test('killed at any point: the target is unchanged, and the same command succeeds', async (t) => {
  const from = await newSource(t, MANY_STEPS);
  const to = await newStoreLocation(t);
  for (const moment of ['copying master_keys', 'copying session_steps', 'comparing users']) {
    const killed = await killVwsAt(`  ${moment}`, 'db', 'copy', '--from', from, '--to', urlOf(to));
    assert.equal(killed.signal, 'SIGKILL', moment);
    await assertUntouched(to);
  }
  assert.equal((await copy(from, urlOf(to))).code, 0);
  await assertSame(from, urlOf(to), MANY_STEPS);
});

test('a complete copy is recognized, and nothing is written', async (t) => {
  const from = await newSource(t);
  const to = await newStoreLocation(t);
  assert.equal((await copy(from, urlOf(to))).code, 0);
  const again = await copy(from, urlOf(to));
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /^The copy was already complete; compared row by row:$/m);
  assert.match(again.stdout, new RegExp(`^  session_steps +${STEPS}$`, 'm'));
  await assertSame(from, urlOf(to));
});

test('a target with other data is refused and unchanged', async (t) => {
  const from = await newSource(t);
  for (const spoil of [
    sql`INSERT INTO master_keys VALUES ('another key', 0)`,
    sql`INSERT INTO rate_counters VALUES (${randomBytes(32)}, 0, 0)`,
  ]) {
    const to = await newStoreLocation(t);
    await change(to, ({ db }) => spoil.execute(db));
    const before = await dumpDatabase(urlOf(to));
    const { code, stdout, stderr } = await copy(from, urlOf(to));
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /is not empty: its table (master_keys|rate_counters) has rows\. Nothing was changed\./);
    assert.deepEqual(await dumpDatabase(urlOf(to)), before);
  }
});

test('a copy that was modified afterwards is refused as other data', async (t) => {
  const from = await newSource(t);
  const to = await newStoreLocation(t);
  assert.equal((await copy(from, urlOf(to))).code, 0);
  await change(to, ({ db }) => sql`UPDATE users SET created_at = created_at + 1`.execute(db));
  const { code, stderr } = await copy(from, urlOf(to));
  assert.equal(code, 1);
  assert.match(stderr, /is not empty/);
});

/** Adds a trigger that modifies written rows. */
async function tamper({ engine, db }: Transaction): Promise<void> {
  const update = sql`UPDATE users SET email = 'else@example.org' WHERE user_id = NEW.user_id`;
  if (engine === 'sqlite') {
    await sql`CREATE TRIGGER tamper AFTER INSERT ON users BEGIN ${update}; END`.execute(db);
    return;
  }
  await sql`CREATE FUNCTION tamper() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
    NEW.email = ''else@example.org''; RETURN NEW; END'`.execute(db);
  await sql`CREATE TRIGGER tamper BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION tamper()`.execute(db);
}

test('a row that is stored differently is detected, and the copy is discarded', async (t) => {
  const from = await newSource(t);
  const to = await newStoreLocation(t);
  await change(to, tamper);
  const { code, stdout, stderr } = await copy(from, urlOf(to));
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /discarded: users: the row user_id=[0-9a-f]{32} differs in email\./);
  assert.ok(!stderr.includes('@example.org'), 'no contents in an error');
  for (const rows of Object.values(await dumpDatabase(urlOf(to)))) assert.deepEqual(rows, []);
});

test('a database with another schema version is refused, with instructions', async (t) => {
  const from = await newSource(t);
  const path = from.slice('sqlite:'.length);
  const setVersion = (version: number) => {
    const database = new DatabaseSync(path);
    database.exec('DELETE FROM schema_migrations');
    for (let each = 1; each <= version; each += 1) database.exec(`INSERT INTO schema_migrations VALUES (${each}, 0)`);
    database.close();
  };
  const to = await newStoreLocation(t);
  setVersion(SCHEMA_VERSION + 1);
  const bytes = readFileSync(path);
  const newer = await copy(from, urlOf(to));
  assert.equal(newer.code, 1);
  assert.match(newer.stderr, /Use a newer version/);
  assert.deepEqual(readFileSync(path), bytes);
  await assertUntouched(to);

  setVersion(SCHEMA_VERSION - 1);
  const older = await copy(from, urlOf(to));
  assert.equal(older.code, 1);
  assert.match(older.stderr, /Start the server of this program on it once/);
  await assertUntouched(to);

  setVersion(SCHEMA_VERSION);
  await change(to, ({ db }) => sql`INSERT INTO schema_migrations VALUES (${SCHEMA_VERSION + 1}, 0)`.execute(db));
  const newerTarget = await copy(from, urlOf(to));
  assert.equal(newerTarget.code, 1);
  assert.match(newerTarget.stderr, /Use a newer version/);
});

test('a source that is missing or belongs to another program is refused and unchanged', async (t) => {
  const to = await newStoreLocation(t);
  const missing = await newDatabasePath(t);
  const refused = await copy(`sqlite:${missing}`, urlOf(to));
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Database not found/);
  assert.equal(existsSync(missing), false);

  const foreign = await newDatabasePath(t);
  const database = new DatabaseSync(foreign);
  database.exec('CREATE TABLE of_another_program (x)');
  database.close();
  const bytes = readFileSync(foreign);
  const { code, stderr } = await copy(`sqlite:${foreign}`, urlOf(to));
  assert.equal(code, 1);
  assert.match(stderr, /is not a database of a VWS server/);
  assert.deepEqual(readFileSync(foreign), bytes);

  if (to.engine === 'postgres') {
    const empty = await newStoreLocation(t);
    const { code, stderr } = await copy(urlOf(empty), urlOf(to));
    assert.equal(code, 1);
    assert.match(stderr, /is not a database of a VWS server/);
  }
  if (to.engine === 'sqlite') assert.equal(existsSync(to.path), false, 'no target is created');
});
