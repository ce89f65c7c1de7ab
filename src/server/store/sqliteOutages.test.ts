// The store on SQLite with a full disk or a locked database.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { newDatabasePath } from '../../../test/support/storeFixtures.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

const WRITE_UNDER_FILE_LIMIT = join(import.meta.dirname, '../../../test/support/writeUnderFileLimit.ts');

async function openNotes(t: TestContext): Promise<Store> {
  const store = await openSqlite(await newDatabasePath(t));
  t.after(() => store.close());
  await store.transaction(async ({ db }) => {
    await sql`CREATE TABLE notes (name TEXT, content BLOB) STRICT`.execute(db);
  });
  return store;
}

const write = (store: Store, name: string, bytes = 1): Promise<void> =>
  store.transaction(async ({ db }) => {
    await sql`INSERT INTO notes VALUES (${name}, zeroblob(${bytes}))`.execute(db);
  });

const readNames = (store: Store): Promise<string[]> =>
  store.transaction(async ({ db }) => {
    const { rows } = await sql<{ name: string }>`SELECT name FROM notes`.execute(db);
    return rows.map(({ name }) => name);
  });

describe('a full database', () => {
  test('rejects with store_unavailable, stores nothing of it, and works again after space is freed', async (t) => {
    const store = await openNotes(t);
    const setMaxPages = (pages: number) =>
      store.transaction(async ({ db }) => void (await sql`PRAGMA max_page_count = ${sql.raw(`${pages}`)}`.execute(db)));
    await setMaxPages(8);
    const names = ['small', 'large', 'small, too'];
    const settled = await Promise.allSettled(names.map((name) => write(store, name, name === 'large' ? 100_000 : 1)));
    assert.equal(settled[1]?.status, 'rejected');
    const kept = names.filter((_, index) => settled[index]?.status === 'fulfilled');
    assert.deepEqual(await readNames(store), kept);
    for (const result of settled) {
      if (result.status === 'rejected') assert.equal(result.reason.code, 'store_unavailable');
    }
    await setMaxPages(1_000_000);
    await write(store, 'afterwards', 100_000);
    assert.deepEqual(await readNames(store), [...kept, 'afterwards']);
  });

  test('a full disk at COMMIT rejects every transaction of the group; the next group can commit', {
    skip: process.platform === 'win32' && 'there is no limit for the size of files',
  }, async (t) => {
    const { location } = await openNotes(t);
    // 128 blocks of 512 bytes: enough for the shared-memory file, but not for the write-ahead log of the group.
    const limited = ['-c', 'ulimit -f 128 && exec "$0" "$@"', process.execPath, WRITE_UNDER_FILE_LIMIT];
    const { stdout } = await promisify(execFile)('sh', [...limited, location, '30000']);
    assert.deepEqual(JSON.parse(stdout), {
      group: ['store_unavailable', 'store_unavailable', 'store_unavailable'],
      afterwards: 'committed',
      notes: ['small'],
    });
  });
});

describe("another process's write lock", () => {
  function holdLock(store: Store): { release(): void } {
    const other = new DatabaseSync(store.location);
    other.exec('BEGIN IMMEDIATE');
    return { release: () => other.close() };
  }

  test('is awaited without blocking the event loop', async (t) => {
    const store = await openNotes(t);
    const lock = holdLock(store);
    let settled = false;
    const writing = write(store, 'late').then(() => {
      settled = true;
    });
    // These turns run only if the event loop is free.
    for (let turn = 0; turn < 20; turn++) await delay(1);
    assert.equal(settled, false);
    lock.release();
    await writing;
    assert.deepEqual(await readNames(store), ['late']);
  });

  test('held for too long: all waiting transactions are rejected after five seconds, and the store recovers', async (t) => {
    const store = await openNotes(t);
    const lock = holdLock(store);
    const waits: number[] = [];
    const begun = performance.now();
    // More than one group of transactions.
    const writing = Array.from({ length: 300 }, (_, index) =>
      assert
        .rejects(write(store, `${index}`), { code: 'store_unavailable', retryAfterSeconds: 1 })
        .finally(() => waits.push(performance.now() - begun)),
    );
    await Promise.all(writing);
    assert.ok(Math.min(...waits) > 4_500, `rejected after ${Math.min(...waits)} ms`);
    assert.ok(Math.max(...waits) < 8_000, `waited ${Math.max(...waits)} ms`);
    lock.release();
    await write(store, 'afterwards');
    assert.deepEqual(await readNames(store), ['afterwards']);
  });
});
