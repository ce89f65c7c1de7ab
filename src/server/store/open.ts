import { migrate } from './migrations.ts';
import { lockMigrations, openPostgres, type PostgresLocation } from './postgres.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

export interface SqliteLocation {
  readonly engine: 'sqlite';
  /** Path of the database file. */
  readonly path: string;
}

/** Where the database is. */
export type StoreLocation = SqliteLocation | PostgresLocation;

/**
 * Opens the database and brings it to the schema of this program.
 *
 * @param now the time to note beside applied migrations, in milliseconds since 1970
 * @throws Error if the database is of a newer schema, or cannot be opened
 */
export async function openStore(location: StoreLocation, now: number): Promise<Store> {
  const store = location.engine === 'sqlite' ? await openSqlite(location.path) : openPostgres(location);
  try {
    await store.transaction(async (tx) => {
      // On SQLite a transaction excludes all others by itself.
      if (store.engine === 'postgres') await lockMigrations(tx);
      await migrate(tx.db, store.engine, now);
    });
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}
