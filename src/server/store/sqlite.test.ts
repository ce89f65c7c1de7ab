// The store on SQLite: group commit, callbacks, closing, files.
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { newDatabasePath } from '../../../test/support/storeFixtures.ts';
import { countCommits } from '../../../test/support/walFile.ts';
import { openSqlite } from './sqlite.ts';
import type { Store, Transaction } from './store.ts';

/** Opens a store with one table, `notes (note TEXT UNIQUE)`. */
async function openNotes(t: TestContext): Promise<Store> {
  const store = await openSqlite(await newDatabasePath(t));
  t.after(() => store.close().catch(() => {}));
  await store.transaction(async ({ db }) => {
    await sql`CREATE TABLE notes (note TEXT UNIQUE) STRICT`.execute(db);
  });
  return store;
}

const write = async ({ db }: Transaction, note: string) => {
  await sql`INSERT INTO notes VALUES (${note})`.execute(db);
};

const readNotes = (store: Store): Promise<string[]> =>
  store.transaction(async ({ db }) => {
    const { rows } = await sql<{ note: string }>`SELECT note FROM notes ORDER BY note`.execute(db);
    return rows.map(({ note }) => note);
  });

/** Returns the results of transactions as texts. */
async function outcomes(transactions: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(transactions);
  return settled.map((result) =>
    result.status === 'fulfilled' ? String(result.value) : String(result.reason.code ?? result.reason.message),
  );
}

describe('group commit', () => {
  test('transactions that wait at the same time share one commit; later ones do not', async (t) => {
    const store = await openNotes(t);
    const before = countCommits(store.location);
    await Promise.all(Array.from({ length: 50 }, (_, index) => store.transaction((tx) => write(tx, `group ${index}`))));
    assert.equal(countCommits(store.location) - before, 1);
    for (let index = 0; index < 3; index++) await store.transaction((tx) => write(tx, `alone ${index}`));
    assert.equal(countCommits(store.location) - before, 4);
    assert.equal((await readNotes(store)).length, 53);
  });

  test('a group has at most 128 transactions', async (t) => {
    const store = await openNotes(t);
    const before = countCommits(store.location);
    await Promise.all(Array.from({ length: 300 }, (_, index) => store.transaction((tx) => write(tx, `${index}`))));
    assert.equal(countCommits(store.location) - before, 3);
  });

  test('transactions of a group run one after the other and see earlier writes', async (t) => {
    const store = await openNotes(t);
    const counts = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        store.transaction(async (tx) => {
          const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM notes`.execute(tx.db);
          await new Promise((resolve) => setImmediate(resolve));
          await write(tx, `${index}`);
          return rows[0]?.n;
        }),
      ),
    );
    assert.deepEqual(
      counts,
      Array.from({ length: 20 }, (_, index) => index),
    );
  });

  test('a failing transaction rolls back alone, regardless of its writes and its error', async (t) => {
    const store = await openNotes(t);
    const failures: ((tx: Transaction) => Promise<unknown>)[] = [
      async (tx) => {
        await write(tx, 'lost');
        throw new Error('rejected by the rule');
      },
      async (tx) => {
        await write(tx, 'lost');
        await write(tx, 'lost');
      },
      ({ db }) => sql`SELECT * FROM nowhere`.execute(db),
      () => {
        throw new Error('before any promise');
      },
    ];
    const results = await outcomes([
      store.transaction((tx) => write(tx, 'first')),
      ...failures.map((work) => store.transaction(work)),
      store.transaction((tx) => write(tx, 'last')),
    ]);
    assert.equal(results[0], 'undefined');
    assert.equal(results[1], 'rejected by the rule');
    assert.equal(results[2], 'ERR_SQLITE_ERROR');
    assert.equal(results[3], 'ERR_SQLITE_ERROR');
    assert.equal(results[4], 'before any promise');
    assert.equal(results[5], 'undefined');
    assert.deepEqual(await readNotes(store), ['first', 'last']);
  });

  test('transactions without writes commit nothing', async (t) => {
    const store = await openNotes(t);
    const before = countCommits(store.location);
    assert.deepEqual(await Promise.all([store.transaction(async () => 'no statement'), readNotes(store)]), [
      'no statement',
      [],
    ]);
    assert.equal(countCommits(store.location), before);
  });

  test('a transaction queued while a group runs is executed afterwards', async (t) => {
    const store = await openNotes(t);
    let inner: Promise<void> | undefined;
    await store.transaction(async (tx) => {
      inner = store.transaction((later) => write(later, 'inner'));
      await write(tx, 'outer');
    });
    await inner;
    assert.deepEqual(await readNotes(store), ['inner', 'outer']);
  });
});

describe('a commit that fails', () => {
  /** Defers a foreign key violation, so that COMMIT throws. */
  async function breakReference({ db }: Transaction): Promise<string> {
    await sql`PRAGMA defer_foreign_keys = ON`.execute(db);
    await sql`INSERT INTO children VALUES (1)`.execute(db);
    return 'the work itself succeeds';
  }

  test('rejects and rolls back the whole group; the next group commits', async (t) => {
    const store = await openNotes(t);
    await store.transaction(async ({ db }) => {
      await sql`CREATE TABLE parents (id INTEGER PRIMARY KEY) STRICT`.execute(db);
      await sql`CREATE TABLE children (parent INTEGER REFERENCES parents (id)) STRICT`.execute(db);
    });
    const results = await outcomes([
      store.transaction((tx) => write(tx, 'before')),
      store.transaction(breakReference),
      store.transaction((tx) => write(tx, 'after')),
    ]);
    assert.deepEqual(results, ['ERR_SQLITE_ERROR', 'ERR_SQLITE_ERROR', 'ERR_SQLITE_ERROR']);
    await store.transaction((tx) => write(tx, 'again'));
    assert.deepEqual(await readNotes(store), ['again']);
  });
});

describe('afterCommit', () => {
  /** Reports whether another connection sees a note, which requires a commit. */
  function isDurable(store: Store, note: string): boolean {
    const other = new DatabaseSync(store.location, { readOnly: true });
    try {
      return other.prepare('SELECT 1 FROM notes WHERE note = ?').get(note) !== undefined;
    } finally {
      other.close();
    }
  }

  test('runs callbacks in order after the whole group is durable', async (t) => {
    const store = await openNotes(t);
    const seen: string[] = [];
    const noting = (note: string) => async (tx: Transaction) => {
      tx.afterCommit(() => seen.push(`${note}: ${isDurable(store, 'one') && isDurable(store, 'two')}`));
      await write(tx, note);
      assert.equal(isDurable(store, note), false);
    };
    await Promise.all([store.transaction(noting('one')), store.transaction(noting('two'))]);
    assert.deepEqual(seen, ['one: true', 'two: true']);
  });

  test('does not run callbacks of a rolled back transaction or group', async (t) => {
    const store = await openNotes(t);
    const seen: string[] = [];
    await outcomes([
      store.transaction(async (tx) => {
        tx.afterCommit(() => seen.push('failed'));
        throw new Error('no');
      }),
      store.transaction(async (tx) => tx.afterCommit(() => seen.push('succeeded'))),
    ]);
    assert.deepEqual(seen, ['succeeded']);
    await outcomes([
      store.transaction(async (tx) => tx.afterCommit(() => seen.push('in a lost group'))),
      store.transaction(async ({ db }) => {
        await sql`ROLLBACK`.execute(db);
        throw new Error('as a full disk does it');
      }),
    ]);
    assert.deepEqual(seen, ['succeeded']);
  });
});

describe('close', () => {
  test('finishes the queued transactions', async (t) => {
    const store = await openNotes(t);
    const queued = Array.from({ length: 200 }, (_, index) => store.transaction((tx) => write(tx, `${index}`)));
    await store.close();
    assert.deepEqual(new Set(await outcomes(queued)), new Set(['undefined']));
    const again = await openSqlite(store.location);
    assert.equal((await readNotes(again)).length, 200);
    await again.close();
  });

  test('a closed store rejects transactions', async (t) => {
    const store = await openNotes(t);
    await store.close();
    await assert.rejects(readNotes(store), { code: 'ERR_INVALID_STATE' });
  });
});

test('the queue is bounded: with 20,000 waiting transactions, others are rejected immediately', async (t) => {
  const store = await openNotes(t);
  const first = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const running = store.transaction(() => {
    begun.resolve();
    return first.promise;
  });
  await begun.promise;
  const waiting = Array.from({ length: 20_000 }, () => store.transaction(async () => 'done'));
  await assert.rejects(
    store.transaction(async () => 'one too many'),
    {
      code: 'store_unavailable',
      retryAfterSeconds: 1,
    },
  );
  first.resolve();
  await running;
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['done']));
  assert.equal(await store.transaction(async () => 'room again'), 'room again');
});

describe('files', () => {
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

  test('a new database, its companion files and a new folder are private to the owner', async (t) => {
    const given = await newDatabasePath(t);
    const path = join(dirname(given), 'new', 'folder', 'vws.db');
    const before = process.umask(0);
    t.after(() => process.umask(before));
    const store = await openSqlite(path);
    await store.transaction(async ({ db }) => void (await sql`CREATE TABLE notes (note TEXT)`.execute(db)));
    for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(modeOf(file), '600', file);
    for (const folder of [dirname(path), dirname(dirname(path))]) assert.equal(modeOf(folder), '700', folder);
    await store.close();
    assert.equal(existsSync(`${path}-wal`), false);
  });

  test('pragmas: full synchronization, foreign keys, untrusted schema', async (t) => {
    const store = await openNotes(t);
    const pragma = (name: string) =>
      store.transaction(async ({ db }) => {
        const { rows } = await sql<Record<string, unknown>>`PRAGMA ${sql.raw(name)}`.execute(db);
        return Object.values(rows[0] ?? {})[0];
      });
    assert.equal(await pragma('journal_mode'), 'wal');
    assert.equal(await pragma('synchronous'), 2);
    assert.equal(await pragma('foreign_keys'), 1);
    assert.equal(await pragma('trusted_schema'), 0);
  });
});
