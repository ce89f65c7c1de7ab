// A program for the tests of a full disk, started under a limit for the size of files: writes notes of some size to the
// database that the first argument names, in three transactions at once and then in a small one, and prints as JSON what
// their results and the notes that exist.
import { sql } from 'kysely';
import { openSqlite } from '../../src/server/store/sqlite.ts';

const path = process.argv[2] ?? '';
const size = Number(process.argv[3]);
const store = await openSqlite(path);

const write = (name: string, bytes: number): Promise<void> =>
  store.transaction(async ({ db }) => {
    await sql`INSERT INTO notes VALUES (${name}, zeroblob(${bytes}))`.execute(db);
  });

async function outcome(transaction: Promise<unknown>): Promise<string> {
  try {
    await transaction;
    return 'committed';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

const group = await Promise.all(['one', 'two', 'three'].map((name) => outcome(write(name, size))));
const afterwards = await outcome(write('small', 1));
const notes = await store.transaction(async ({ db }) => {
  const { rows } = await sql<{ name: string }>`SELECT name FROM notes`.execute(db);
  return rows.map(({ name }) => name);
});
await store.close();
process.stdout.write(JSON.stringify({ group, afterwards, notes }));
