// The table of tables against the real schema.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { openStore } from '../../server/store/open.ts';
import { tables } from './tables.ts';

const KINDS = { integer: 'INTEGER', text: 'TEXT', bytes: 'BLOB' };

/** A database created by the migrations. */
async function migrated(t: TestContext): Promise<DatabaseSync> {
  const folder = await mkdtemp(join(tmpdir(), 'vws-tables-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'vws.db');
  await (await openStore({ engine: 'sqlite', path }, 0)).close();
  const database = new DatabaseSync(path);
  t.after(() => database.close());
  return database;
}

test('tables, columns and primary keys equal those of the migrations', async (t) => {
  const database = await migrated(t);
  const names = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_migrations' ORDER BY name")
    .all()
    .map(({ name }) => name);
  assert.deepEqual(tables.map(({ name }) => name).sort(), names);
  for (const { name, columns, primaryKey } of tables) {
    const found = database.prepare('SELECT name, type, pk FROM pragma_table_info(?)').all(name);
    assert.deepEqual(
      columns.map((column) => [column.name, KINDS[column.kind]]),
      found.map((column) => [column.name, column.type]),
      name,
    );
    const key = found.filter(({ pk }) => pk !== 0).sort((a, b) => Number(a.pk) - Number(b.pk));
    assert.deepEqual(
      primaryKey.map((column) => column.name),
      key.map((column) => column.name),
      name,
    );
  }
});

test('tables come after the tables that they refer to', async (t) => {
  const database = await migrated(t);
  const names = tables.map(({ name }) => name);
  const references = names.flatMap((name) =>
    database
      .prepare('SELECT "table" AS parent FROM pragma_foreign_key_list(?)')
      .all(name)
      .map(({ parent }) => [String(parent), name] as const),
  );
  assert.ok(references.length > 0);
  for (const [parent, child] of references)
    assert.ok(names.indexOf(parent) < names.indexOf(child), `${parent} ${child}`);
});
