// The store of a test: SQLite in a temporary folder or, in the second run of the tests, PostgreSQL.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openStore, type StoreLocation } from '../../src/server/store/open.ts';
import type { Store } from '../../src/server/store/store.ts';
import { createDatabase } from './postgres.ts';

/** PostgreSQL server of this test run; undefined for SQLite. */
export const postgresUrl: string | undefined = process.env.VWS_TEST_DATABASE_URL || undefined;

const POOL_SIZE = 10;
const STATEMENT_TIMEOUT_MS = 30_000;

type Cleanup = Pick<TestContext, 'after'>;

/** Returns a location for a new database, which is removed after the test. */
export async function newStoreLocation(t: Cleanup): Promise<StoreLocation> {
  if (postgresUrl) {
    const { url, drop } = await createDatabase(postgresUrl);
    t.after(drop);
    return { engine: 'postgres', url, poolSize: POOL_SIZE, statementTimeout: STATEMENT_TIMEOUT_MS };
  }
  const folder = await mkdtemp(join(tmpdir(), 'vws-store-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { engine: 'sqlite', path: join(folder, 'vws.db') };
}

/** Opens a new, migrated store and closes it after the test. */
export async function openTestStore(t: Cleanup, now = Date.now()): Promise<Store> {
  const store = await openStore(await newStoreLocation(t), now);
  t.after(() => store.close());
  return store;
}
