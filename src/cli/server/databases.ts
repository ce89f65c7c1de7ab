// Finds and opens the two databases of a copy.
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

/** Time limit for PostgreSQL to close the connections of a server that has just stopped. */
const CLOSING_TIMEOUT_MS = 2_000;
const CLOSING_POLL_MS = 50;

/**
 * Parses the location of a database, in the format of the setting DATABASE_URL.
 *
 * @param option the option with the text, for the error
 * @param caFile CA certificates (PEM) used to verify the PostgreSQL server
 * @throws UsageError
 */
export function parseLocation(option: string, text: string | undefined, caFile: string | undefined): StoreLocation {
  if (!text) throw new UsageError(`${option} is missing.`);
  try {
    const place = settings.DATABASE_URL.parse(text);
    if ('sqlite' in place) return { engine: 'sqlite', path: place.sqlite };
    // 0: the duration of a copy is not limited.
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
 * Opens the source of a copy without changing it.
 *
 * @throws CommandError if it does not exist or a server is using it
 */
export async function openSource(location: StoreLocation): Promise<Store> {
  if (location.engine === 'sqlite') {
    if (!existsSync(location.path)) throw new CommandError(`Database not found: ${location.path}`);
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

/** Opens a database without reading its content. A SQLite file is created if it is missing. */
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

export function notAVwsDatabase(location: string): CommandError {
  return new CommandError(`${location} is not a database of a VWS server.`);
}

/** Data that a server writes during the copy would be missing in it, and its sessions and mails would exist twice. */
function inUse(location: string): CommandError {
  return new CommandError(`${location} is in use. Stop the server that uses it, and run the same command again.`);
}

/** Checks the file before it is opened for the copy, which would switch the file of another program to WAL mode. */
function checkSqliteSource(path: string): void {
  const probe = new DatabaseSync(path, { timeout: 0 });
  try {
    // Succeeds only if no other connection has the database open, not even an idle one.
    probe.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE');
    if (!probe.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'").get())
      throw notAVwsDatabase(path);
    probe.exec('ROLLBACK');
  } catch (error) {
    throw /is locked/.test((error as Error).message) ? inUse(path) : error;
  } finally {
    probe.close();
  }
}

async function refusePostgresInUse(store: Store): Promise<void> {
  const deadline = performance.now() + CLOSING_TIMEOUT_MS;
  // In separate transactions, because a transaction always sees the same connections.
  while (await store.transaction(({ db }) => hasOtherConnections(db))) {
    if (performance.now() > deadline) throw inUse(store.location);
    await delay(CLOSING_POLL_MS);
  }
}

async function hasOtherConnections(db: Parameters<Parameters<Store['transaction']>[0]>[0]['db']): Promise<boolean> {
  const { rows } = await sql`
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'vws' AND pid <> pg_backend_pid()`.execute(db);
  return rows.length > 0;
}

/**
 * Converts an error of a database or the operating system to a CommandError. Returns unexpected errors unchanged.
 *
 * @param describe makes the message from the reason, which does not end with a full stop
 */
export function asCommandError(error: unknown, describe: (reason: string) => string): unknown {
  if (error instanceof CommandError || typeof (error as { code?: unknown }).code !== 'string') return error;
  return new CommandError(describe(reasonOf(error).replace(/\.$/, '')));
}

function reasonOf(error: unknown): string {
  if (error instanceof Problem && error.cause !== undefined) return reasonOf(error.cause);
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return (error as Error).message;
}
