import { migrate } from './migrations.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

/** Where the database is. */
export interface StoreLocation {
  readonly engine: 'sqlite';
  /** Path of the database file. */
  readonly path: string;
}

/**
 * Opens the database and brings it to the schema of this program.
 *
 * @param now the time to note beside applied migrations, in milliseconds since 1970
 * @throws Error if the database is of a newer schema, or cannot be opened
 */
export async function openStore(location: StoreLocation, now: number): Promise<Store> {
  const store = openSqlite(location.path);
  try {
    await store.transaction(({ db }) => migrate(db, store.engine, now));
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}
