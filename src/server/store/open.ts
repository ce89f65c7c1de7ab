// Opens a database of either engine and migrates it.
import { migrate } from './migrations.ts';
import { lockMigrations, openPostgres, type PostgresLocation } from './postgres.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

export interface SqliteLocation {
  readonly engine: 'sqlite';
  /** Path of the database file. */
  readonly path: string;
}

/** Location of a database. */
export type StoreLocation = SqliteLocation | PostgresLocation;

/**
 * Opens a database and migrates it to the schema of this program.
 *
 * @param now time to record with applied migrations, in milliseconds since 1970
 * @throws Error if the database has a newer schema or cannot be opened
 */
export async function openStore(location: StoreLocation, now: number): Promise<Store> {
  const store = location.engine === 'sqlite' ? await openSqlite(location.path) : openPostgres(location);
  try {
    await store.transaction(async (tx) => {
      // On SQLite, transactions are exclusive anyway.
      if (store.engine === 'postgres') await lockMigrations(tx);
      await migrate(tx.db, store.engine, now);
    });
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}
