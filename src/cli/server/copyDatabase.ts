// Copies the data of one database to another and verifies the copy.
import { sql } from 'kysely';
import { findMasterKeyIds } from '../../server/store/masterKeys.ts';
import { migrate, SCHEMA_VERSION } from '../../server/store/migrations.ts';
import { lockMigrations } from '../../server/store/postgres.ts';
import type { Store, Transaction } from '../../server/store/store.ts';
import { CommandError } from '../errors.ts';
import { compareTables, DifferenceError } from './compareTables.ts';
import { notAVwsDatabase } from './databases.ts';
import { hasRows, insertRows, readBatches } from './rows.ts';
import { type Table, tables } from './tables.ts';

export interface CopyResult {
  /** `found`: the target already contained exactly the data of the source, and nothing was written. */
  readonly outcome: 'copied' | 'found';
  /** The number of compared rows by table. */
  readonly rows: ReadonlyMap<string, number>;
  /** The ids of the master keys that encrypt the data. */
  readonly masterKeyIds: readonly string[];
}

/**
 * Copies all data into an empty database and compares every row, in one transaction of the target: if the copy is
 * interrupted, the target is unchanged, and until the copy is complete, no server can start on it.
 *
 * @param now the time to record for migrations of the target, in milliseconds since 1970
 * @param progress called with a description of each stage
 * @throws CommandError if the schema of the source differs from this program's, the target contains other data, or the copy
 *   differs from the source
 */
export function copyDatabase(
  source: Store,
  target: Store,
  now: number,
  progress: (what: string) => void,
): Promise<CopyResult> {
  return source.transaction(async (from) => {
    await beginSnapshot(from);
    await checkSourceSchema(from, source.location);
    const masterKeyIds = await findMasterKeyIds(from);
    return target.transaction(async (to) => {
      await prepareTarget(to, target.location, now);
      const occupied = await findOccupiedTable(to);
      if (occupied) {
        const rows = await findSameRows(from, to);
        if (rows) return { outcome: 'found', rows, masterKeyIds };
        throw notEmpty(target.location, occupied);
      }
      await lockTables(to, target.location);
      for (const table of tables) {
        progress(`copying ${table.name}`);
        for await (const batch of readBatches(from, table)) await insertRows(to, table, batch);
      }
      return { outcome: 'copied', rows: await verify(from, to, progress), masterKeyIds };
    });
  });
}

/** Makes all later reads see the same snapshot. SQLite's transactions always do. */
async function beginSnapshot({ engine, db }: Transaction): Promise<void> {
  if (engine !== 'postgres') return;
  await sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY`.execute(db);
  await setTimeouts(db);
}

/** Releases the locks of a client that has disappeared, but allows statements of any duration. */
async function setTimeouts(db: Transaction['db']): Promise<void> {
  await sql`SET LOCAL statement_timeout = 0`.execute(db);
  await sql`SET LOCAL idle_in_transaction_session_timeout = '5min'`.execute(db);
  await sql`SET LOCAL lock_timeout = '5s'`.execute(db);
}

async function checkSourceSchema(from: Transaction, location: string): Promise<void> {
  const version = await readSchemaVersion(from);
  if (version === undefined) throw notAVwsDatabase(location);
  if (version > SCHEMA_VERSION) throw tooNew(location, version);
  if (version < SCHEMA_VERSION) {
    throw new CommandError(
      `${location} has schema version ${version}, but this program copies version ${SCHEMA_VERSION}. ` +
        'Start the server of this program on it once to migrate it, stop the server, and run the command again.',
    );
  }
}

function tooNew(location: string, version: number): CommandError {
  return new CommandError(
    `${location} has schema version ${version}, but this program supports only up to ${SCHEMA_VERSION}. ` +
      'Use a newer version of this program.',
  );
}

async function readSchemaVersion({ engine, db }: Transaction): Promise<number | undefined> {
  const { rows: found } =
    engine === 'postgres'
      ? await sql`SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL`.execute(db)
      : await sql`SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'`.execute(db);
  if (found.length === 0) return undefined;
  const row = await db
    .selectFrom('schema_migrations')
    .select((eb) => eb.fn.max('version').as('version'))
    .executeTakeFirst();
  return row?.version ?? 0;
}

async function prepareTarget(to: Transaction, location: string, now: number): Promise<void> {
  if (to.engine === 'postgres') {
    await setTimeouts(to.db);
    await orInUse(location, lockMigrations(to));
  }
  const version = await readSchemaVersion(to);
  if (version !== undefined && version > SCHEMA_VERSION) throw tooNew(location, version);
  await migrate(to.db, to.engine, now);
}

/** Prevents servers from using the target until the end. A transaction on SQLite always does. */
async function lockTables(to: Transaction, location: string): Promise<void> {
  if (to.engine !== 'postgres') return;
  const names = sql.join(tables.map(({ name }) => sql.table(name)));
  await orInUse(location, sql`LOCK TABLE ${names} IN ACCESS EXCLUSIVE MODE`.execute(to.db));
  // Another process may have written before the lock was acquired.
  const occupied = await findOccupiedTable(to);
  if (occupied) throw notEmpty(location, occupied);
}

const LOCK_NOT_AVAILABLE = '55P03';

async function orInUse(location: string, locked: Promise<unknown>): Promise<void> {
  try {
    await locked;
  } catch (error) {
    if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
    throw new CommandError(`${location} is in use by another program, possibly another copy. Nothing was changed.`);
  }
}

async function findOccupiedTable(to: Transaction): Promise<Table | undefined> {
  for (const table of tables) if (await hasRows(to, table)) return table;
  return undefined;
}

function notEmpty(location: string, { name }: Table): CommandError {
  return new CommandError(
    `${location} is not empty: its table ${name} has rows. Nothing was changed. Use a new, empty database as the target.`,
  );
}

/** @returns undefined at the first difference */
async function findSameRows(from: Transaction, to: Transaction): Promise<CopyResult['rows'] | undefined> {
  try {
    return await compareAll(from, to, () => {});
  } catch (error) {
    if (error instanceof DifferenceError) return undefined;
    throw error;
  }
}

async function verify(from: Transaction, to: Transaction, progress: (what: string) => void) {
  try {
    return await compareAll(from, to, progress);
  } catch (error) {
    if (!(error instanceof DifferenceError)) throw error;
    throw new CommandError(
      `The copy differed from the source and was discarded: ${error.message}. The source is unchanged.`,
    );
  }
}

async function compareAll(from: Transaction, to: Transaction, progress: (what: string) => void) {
  const rows = new Map<string, number>();
  for (const table of tables) {
    progress(`comparing ${table.name}`);
    rows.set(table.name, await compareTables(from, to, table));
  }
  return rows;
}
