import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openStore, type StoreLocation } from '../../src/server/store/open.ts';
import type { Store, Transaction } from '../../src/server/store/store.ts';

/** The path of a SQLite database that is not there yet, in a folder that goes when the test ends. */
export async function newDatabasePath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vws-store-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'vws.db');
}

/** Two stores over one database, as two processes have them; they are closed when the test ends. */
export async function openTwoStores(t: TestContext, location: StoreLocation): Promise<readonly [Store, Store]> {
  const stores = [await openStore(location, 0), await openStore(location, 0)] as const;
  t.after(() => Promise.all(stores.map((store) => store.close())));
  return stores;
}

/**
 * Does the same `count` times at once, each time in a transaction of its own, by turns in one store and another.
 *
 * @returns what the transactions came to
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
