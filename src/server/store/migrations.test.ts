// Migrations: new and newer databases, failures, concurrent starts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { newDatabasePath } from '../../../test/support/storeFixtures.ts';
import { migrations, SCHEMA_VERSION } from './migrations.ts';
import { openStore } from './open.ts';

const OPEN_ON_SIGNAL = join(import.meta.dirname, '../../../test/support/openStoreOnSignal.ts');
const versions = migrations.map(({ version }) => version);

interface Found {
  readonly migrations: { version: number; applied_at: number }[];
  readonly tables: string[];
}

function look(path: string): Found {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = <T>(query: string) =>
      database
        .prepare(query)
        .all()
        .map((row) => ({ ...row })) as T[];
    return {
      migrations: rows('SELECT version, applied_at FROM schema_migrations ORDER BY version'),
      tables: rows<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'").map(({ name }) => name),
    };
  } finally {
    database.close();
  }
}

test('a new database gets every migration exactly once', async (t) => {
  const path = await newDatabasePath(t);
  await (await openStore({ engine: 'sqlite', path }, 1_000)).close();
  const first = look(path);
  assert.deepEqual(
    first.migrations,
    versions.map((version) => ({ version, applied_at: 1_000 })),
  );
  assert.ok(first.tables.includes('session_steps'));
  await (await openStore({ engine: 'sqlite', path }, 2_000)).close();
  assert.deepEqual(look(path), first);
});

test('versions ascend from 1, and the newest is the schema version', () => {
  assert.equal(versions[0], 1);
  assert.ok(versions.every((version, index) => index === 0 || version > (versions[index - 1] ?? version)));
  assert.equal(SCHEMA_VERSION, versions.at(-1));
});

test('data survives reopening', async (t) => {
  const path = await newDatabasePath(t);
  const store = await openStore({ engine: 'sqlite', path }, 0);
  await store.transaction(({ db }) =>
    db.insertInto('master_keys').values({ master_key_id: 'kept', created_at: 0 }).execute(),
  );
  await store.close();
  const again = await openStore({ engine: 'sqlite', path }, 0);
  t.after(() => again.close());
  const rows = await again.transaction(({ db }) => db.selectFrom('master_keys').select('master_key_id').execute());
  assert.deepEqual(
    rows.map(({ master_key_id }) => master_key_id),
    ['kept'],
  );
});

test('a database with a newer schema is rejected and unchanged', async (t) => {
  const path = await newDatabasePath(t);
  await (await openStore({ engine: 'sqlite', path }, 0)).close();
  const database = new DatabaseSync(path);
  database.exec(`INSERT INTO schema_migrations VALUES (${SCHEMA_VERSION + 1}, 0)`);
  database.close();
  const before = readFileSync(path);
  await assert.rejects(openStore({ engine: 'sqlite', path }, 0), {
    message: new RegExp(`schema version ${SCHEMA_VERSION + 1}.*Start a newer version of the server`),
  });
  assert.deepEqual(readFileSync(path), before);
  // Its locks are released, too.
  new DatabaseSync(path).exec('BEGIN EXCLUSIVE');
});

test('a migration that fails halfway is rolled back', async (t) => {
  const path = await newDatabasePath(t);
  const database = new DatabaseSync(path);
  database.exec('CREATE TABLE outbox (of_another_program)');
  database.close();
  await assert.rejects(openStore({ engine: 'sqlite', path }, 0), /outbox already exists/);
  const again = new DatabaseSync(path);
  assert.deepEqual(
    again
      .prepare('SELECT name FROM sqlite_schema')
      .all()
      .map(({ name }) => name),
    ['outbox'],
  );
  again.close();
});

/** Starts programs that open the same database at the same moment, and waits until they exit. */
async function openAtOnce(t: TestContext, path: string, processes: number): Promise<string[]> {
  const children = Array.from({ length: processes }, () => {
    const child = spawn(process.execPath, [OPEN_ON_SIGNAL, path]);
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    t.after(() => child.kill());
    const ended = once(child, 'close').then(([code]) => (code === 0 ? 'opened' : errors));
    return { child, ready: once(child.stdout, 'data'), ended };
  });
  await Promise.all(children.map(({ ready }) => ready));
  for (const { child } of children) child.stdin.write('now\n');
  return Promise.all(children.map(({ ended }) => ended));
}

test('processes that start concurrently migrate once', async (t) => {
  for (let round = 1; round <= 3; round++) {
    const path = await newDatabasePath(t);
    assert.deepEqual(await openAtOnce(t, path, 4), ['opened', 'opened', 'opened', 'opened']);
    assert.deepEqual(
      look(path).migrations.map(({ version }) => version),
      versions,
    );
    const database = new DatabaseSync(path, { readOnly: true });
    assert.equal(database.prepare('SELECT count(*) AS n FROM master_keys').get()?.n, 4);
    database.close();
  }
});
