import { sql } from 'kysely';
import { findMasterKeyIds } from '../../server/store/masterKeys.ts';
import { migrate, SCHEMA_VERSION } from '../../server/store/migrations.ts';
import { lockMigrations } from '../../server/store/postgres.ts';
import type { Store, Transaction } from '../../server/store/store.ts';
import { CommandError } from '../errors.ts';
import { compareTables, DifferenceError } from './compareTables.ts';
import { notOurs } from './databases.ts';
import { hasRows, insertRows, readBatches } from './rows.ts';
import { type Table, tables } from './tables.ts';

/** What a copy came to. */
export interface CopyResult {
  /** `found`: the target held exactly the source's data before, so that nothing was written. */
  readonly outcome: 'copied' | 'found';
  /** Rows that were compared, by table. */
  readonly rows: ReadonlyMap<string, number>;
  /** The ids of the master keys that the data hangs on. */
  readonly masterKeyIds: readonly string[];
}

/**
 * Copies all data into an empty database and compares every row, all in one transaction of the target: whatever ends
 * the copy before its end, the target is as it was, and for as long as it lasts no server starts there.
 *
 * @param now the time to note beside migrations of the target, in milliseconds since 1970
 * @param progress told what begins, in words
 * @throws CommandError if the source has another schema than this program, the target has data of its own, or the copy
 *   is not like the source
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

/** Everything that is read after this is of one moment. SQLite's transactions are so by themselves. */
async function beginSnapshot({ engine, db }: Transaction): Promise<void> {
  if (engine !== 'postgres') return;
  await sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY`.execute(db);
  await setTimeouts(db);
}

/** The transaction of a program whose machine is gone must not hold its locks for ever; one at work may last. */
async function setTimeouts(db: Transaction['db']): Promise<void> {
  await sql`SET LOCAL statement_timeout = 0`.execute(db);
  await sql`SET LOCAL idle_in_transaction_session_timeout = '5min'`.execute(db);
  await sql`SET LOCAL lock_timeout = '5s'`.execute(db);
}

async function checkSourceSchema(from: Transaction, location: string): Promise<void> {
  const version = await readSchemaVersion(from);
  if (version === undefined) throw notOurs(location);
  if (version > SCHEMA_VERSION) throw tooNew(location, version);
  if (version < SCHEMA_VERSION) {
    throw new CommandError(
      `${location} has schema version ${version}, and this program copies version ${SCHEMA_VERSION}. ` +
        'Start the server of this program on it once (it brings the database up to date), stop it, and copy then.',
    );
  }
}

function tooNew(location: string, version: number): CommandError {
  return new CommandError(
    `${location} has schema version ${version}, and this program knows only ${SCHEMA_VERSION}. ` +
      'Copy with the newer version of this program.',
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

/** Keeps servers out until the end. A transaction on SQLite does so by itself. */
async function lockTables(to: Transaction, location: string): Promise<void> {
  if (to.engine !== 'postgres') return;
  const names = sql.join(tables.map(({ name }) => sql.table(name)));
  await orInUse(location, sql`LOCK TABLE ${names} IN ACCESS EXCLUSIVE MODE`.execute(to.db));
  // Somebody may have been quicker.
  const occupied = await findOccupiedTable(to);
  if (occupied) throw notEmpty(location, occupied);
}

const LOCK_NOT_AVAILABLE = '55P03';

async function orInUse(location: string, locked: Promise<unknown>): Promise<void> {
  try {
    await locked;
  } catch (error) {
    if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
    throw new CommandError(`${location} is in use by another program, which may be another copy. Nothing was changed.`);
  }
}

async function findOccupiedTable(to: Transaction): Promise<Table | undefined> {
  for (const table of tables) if (await hasRows(to, table)) return table;
  return undefined;
}

function notEmpty(location: string, { name }: Table): CommandError {
  return new CommandError(
    `${location} is not empty: its table ${name} has rows. Nothing was changed. Copy into a new, empty database.`,
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
    throw new CommandError(`The copy was not like the source and was thrown away: ${error.message}.`);
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
