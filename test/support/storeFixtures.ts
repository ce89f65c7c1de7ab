// SQLite paths, pairs of stores and races for tests of the store.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openStore, type StoreLocation } from '../../src/server/store/open.ts';
import type { Store, Transaction } from '../../src/server/store/store.ts';

/** Returns the path of a new SQLite database in a folder that is removed after the test. */
export async function newDatabasePath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vws-store-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'vws.db');
}

/** Opens two stores on one database, like two processes; closes them after the test. */
export async function openTwoStores(t: TestContext, location: StoreLocation): Promise<readonly [Store, Store]> {
  const stores = [await openStore(location, 0), await openStore(location, 0)] as const;
  t.after(() => Promise.all(stores.map((store) => store.close())));
  return stores;
}

/**
 * Runs `work` concurrently in `count` transactions, alternating between the stores.
 *
 * @returns the results of the transactions
 */
export function race<T>(
  stores: readonly Store[],
  count: number,
  work: (transaction: Transaction, index: number) => Promise<T>,
): Promise<T[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => {
      const store = stores[index % stores.length] as Store;
      return store.transaction((transaction) => work(transaction, index));
    }),
  );
}
