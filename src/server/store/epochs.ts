// Queries that wrap stored secrets again when an epoch begins.
import { sql } from 'kysely';
import { prepared } from './prepared.ts';
import type { Transaction } from './store.ts';

/** An arbitrary number that no other program uses as an advisory lock in this database. */
const EPOCH_LOCK = 0x76_77_65;
/** Time for which a new epoch delays others on PostgreSQL, at most, while it waits for transactions in progress. */
const MAX_LOCK_WAIT_MS = 25;

/** Holds the epoch until the transaction ends. On SQLite, transactions are exclusive anyway. */
export const shareEpoch = sql`pg_advisory_xact_lock_shared(${sql.lit(EPOCH_LOCK)})`;

/** Makes a new epoch wait for this transaction, which may then wrap values. A request does so when it finds its step. */
export async function holdEpoch({ engine, db }: Transaction): Promise<void> {
  if (engine === 'postgres') await sql`SELECT ${shareEpoch}`.execute(db);
}

/**
 * Waits for the transactions that hold the epoch, and blocks others until this one ends.
 *
 * @throws an error of PostgreSQL, `lock_not_available`, if one of them takes long
 */
export async function excludeEpochHolders({ engine, db }: Transaction): Promise<void> {
  if (engine === 'sqlite') return;
  await sql`SELECT set_config('lock_timeout', ${`${MAX_LOCK_WAIT_MS}ms`}, true)`.execute(db);
  await sql`SELECT pg_advisory_xact_lock(${sql.lit(EPOCH_LOCK)})`.execute(db);
}

export function isLockTimeout(error: unknown): boolean {
  return (error as { code?: unknown }).code === '55P03';
}

/** A wrapped value in a row. */
export interface WrappedRow {
  /** Place in the order in which {@link findWrappedSteps} goes through the rows. */
  readonly position: number | Uint8Array;
  readonly id: Uint8Array;
  readonly epochId: Uint8Array | null;
  readonly bytes: Uint8Array;
}

/** @returns the next rows after a position, of any epoch; on SQLite in the order of the file, so that few pages change */
export async function findWrappedSteps(
  { engine, db }: Transaction,
  after: WrappedRow['position'] | undefined,
  limit: number,
): Promise<WrappedRow[]> {
  const position = engine === 'sqlite' ? sql.ref('rowid') : sql.ref('step_id');
  const start = after ?? (engine === 'sqlite' ? -1 : new Uint8Array());
  const { rows } = await sql<WrappedRow>`
    SELECT ${position} AS "position", step_id AS id, epoch_id AS "epochId", sealed_secret AS bytes
    FROM session_steps WHERE ${position} > ${start} ORDER BY ${position} LIMIT ${limit}`.execute(db);
  return rows;
}

export async function findWrappedKemKeys({ db }: Transaction): Promise<Omit<WrappedRow, 'position'>[]> {
  return db.selectFrom('kem_keys').select(['kid as id', 'epoch_id as epochId', 'sealed_seed as bytes']).execute();
}

/** The new value of a row. */
export type Rewrapped = Pick<WrappedRow, 'id' | 'epochId' | 'bytes'>;

const update = prepared<Rewrapped, unknown>(['id', 'epochId', 'bytes'], ({ db }, { id, epochId, bytes }) =>
  db.updateTable('session_steps').set({ sealed_secret: bytes, epoch_id: epochId }).where('step_id', '=', id),
);

/**
 * Replaces wrapped values, which otherwise never change as long as their row exists.
 *
 * @returns false if a row is in use by another transaction, and was left unchanged
 */
export async function rewrapSteps(tx: Transaction, rows: readonly Rewrapped[]): Promise<boolean> {
  if (tx.engine === 'sqlite') {
    for (const row of rows) await update(tx, row);
    return true;
  }
  const [ids, epochIds, values] = [
    rows.map(({ id }) => id),
    rows.map(({ epochId }) => epochId),
    rows.map(({ bytes }) => bytes),
  ];
  // Never waits for a row while it holds others, so it cannot take part in a deadlock.
  const free = sql`SELECT step_id FROM session_steps WHERE step_id = ANY(${ids}::bytea[]) FOR UPDATE SKIP LOCKED`;
  const { rows: locked } = await sql<{ step_id: Uint8Array }>`${free}`.execute(tx.db);
  await sql`
    UPDATE session_steps SET sealed_secret = new.bytes, epoch_id = new.epoch_id
    FROM unnest(${ids}::bytea[], ${epochIds}::bytea[], ${values}::bytea[]) AS new (id, epoch_id, bytes)
    WHERE step_id = new.id AND step_id = ANY(${locked.map(({ step_id }) => step_id)}::bytea[])`.execute(tx.db);
  return locked.length === rows.length;
}

export async function rewrapKemKey({ db }: Transaction, { id, epochId, bytes }: Rewrapped): Promise<void> {
  await db.updateTable('kem_keys').set({ sealed_seed: bytes, epoch_id: epochId }).where('kid', '=', id).execute();
}
