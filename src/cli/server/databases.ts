import { existsSync, realpathSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { Problem } from '../../protocol/problems.ts';
import { settings } from '../../server/config/settings.ts';
import type { StoreLocation } from '../../server/store/open.ts';
import { openPostgres } from '../../server/store/postgres.ts';
import { openSqlite } from '../../server/store/sqlite.ts';
import type { Store } from '../../server/store/store.ts';
import { CommandError, UsageError } from '../errors.ts';

/** How long the connections of a server that was just stopped may take to vanish, in milliseconds. */
const CLOSING_TIME = 2_000;
const CLOSING_POLL = 50;

/**
 * Reads where a database is, in the form of the setting DATABASE_URL.
 *
 * @param option the option that the text was given with, for the error
 * @param caFile PEM file that a PostgreSQL server's certificate is checked against
 * @throws UsageError
 */
export function parseLocation(option: string, text: string | undefined, caFile: string | undefined): StoreLocation {
  if (!text) throw new UsageError(`${option} is missing.`);
  try {
    const place = settings.DATABASE_URL.parse(text);
    if ('sqlite' in place) return { engine: 'sqlite', path: place.sqlite };
    // 0: a copy takes as long as it takes.
    return { engine: 'postgres', url: place.postgres, poolSize: 1, statementTimeout: 0, ...(caFile && { caFile }) };
  } catch (error) {
    throw new UsageError(`${option} ${(error as Error).message}.`);
  }
}

export function isSamePlace(one: StoreLocation, other: StoreLocation): boolean {
  if (one.engine === 'postgres') return other.engine === 'postgres' && one.url === other.url;
  return other.engine === 'sqlite' && realPath(one.path) === realPath(other.path);
}

function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/**
 * Opens the database to copy from, as it is.
 *
 * @throws CommandError if it is not there or a server runs on it
 */
export async function openSource(location: StoreLocation): Promise<Store> {
  if (location.engine === 'sqlite') {
    if (!existsSync(location.path)) throw new CommandError(`There is no database ${location.path}.`);
    await reach('source', async () => checkSqliteSource(location.path));
  }
  const store = await openTarget(location, 'source');
  try {
    if (store.engine === 'postgres') await refusePostgresInUse(store);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Opens a database without looking at what is in it. A SQLite file is made if it is missing. */
export async function openTarget(location: StoreLocation, role: 'source' | 'target' = 'target'): Promise<Store> {
  return reach(role, async () => {
    const store = location.engine === 'sqlite' ? await openSqlite(location.path) : openPostgres(location);
    try {
      await store.transaction(({ db }) => sql`SELECT 1`.execute(db));
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  });
}

async function reach<T>(role: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asCommandError(error, (reason) => `The ${role} cannot be opened: ${reason}.`);
  }
}

export function notOurs(location: string): CommandError {
  return new CommandError(`${location} is no database of a VWS server.`);
}

/** What a server writes from now on would be missing in the copy, and its sessions and mails would be in both. */
function inUse(location: string): CommandError {
  return new CommandError(`${location} is in use: stop the server that runs on it, and run the same command again.`);
}

/** Looks before anything is opened for the copy, which would turn a foreign database's file into WAL mode. */
function checkSqliteSource(path: string): void {
  const probe = new DatabaseSync(path, { timeout: 0 });
  try {
    // Succeeds only where nobody else has the database open, even idle.
    probe.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE');
    if (!probe.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'").get()) throw notOurs(path);
    probe.exec('ROLLBACK');
  } catch (error) {
    throw /is locked/.test((error as Error).message) ? inUse(path) : error;
  } finally {
    probe.close();
  }
}

async function refusePostgresInUse(store: Store): Promise<void> {
  const deadline = performance.now() + CLOSING_TIME;
  // A transaction each, because one sees the same connections throughout.
  while (await store.transaction(({ db }) => hasOtherConnections(db))) {
    if (performance.now() > deadline) throw inUse(store.location);
    await delay(CLOSING_POLL);
  }
}

async function hasOtherConnections(db: Parameters<Parameters<Store['transaction']>[0]>[0]['db']): Promise<boolean> {
  const { rows } = await sql`
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'vws' AND pid <> pg_backend_pid()`.execute(db);
  return rows.length > 0;
}

/**
 * Makes an error that comes from a database or the system one for people; others, which nobody foresaw, stay as they are.
 *
 * @param tell makes the message of the reason, which ends without a full stop
 */
export function asCommandError(error: unknown, tell: (reason: string) => string): unknown {
  if (error instanceof CommandError || typeof (error as { code?: unknown }).code !== 'string') return error;
  return new CommandError(tell(reasonOf(error).replace(/\.$/, '')));
}

function reasonOf(error: unknown): string {
  if (error instanceof Problem && error.cause !== undefined) return reasonOf(error.cause);
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return (error as Error).message;
}
