// Reads and writes the rows of a table in batches.
import { type RawBuilder, sql } from 'kysely';
import type { Transaction } from '../../server/store/store.ts';
import type { Column, Table } from './tables.ts';

export type Value = string | number | Uint8Array | null;
export type Row = Readonly<Record<string, Value>>;

/** The maximum number of rows in memory. */
const MAX_BATCH_ROWS = 100;
/** The maximum size of a batch, counting texts and byte strings; a longer row is a separate batch. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;

/** Reads a table in the order of its primary key, which is the same on both engines. */
export async function* readBatches(transaction: Transaction, table: Table): AsyncGenerator<readonly Row[]> {
  let last: Row | undefined;
  for (;;) {
    const limit = await countNextRows(transaction, table, last);
    if (limit === 0) return;
    const columns = sql.join(table.columns.map(({ name }) => sql.ref(name)));
    const batch = await readAfter<Row>(transaction, table, columns, last, limit);
    yield batch;
    last = batch.at(-1);
  }
}

/** @returns the number of rows after `last` that fit into a batch */
async function countNextRows(transaction: Transaction, table: Table, last: Row | undefined): Promise<number> {
  const lengths = table.columns
    .filter(({ kind }) => kind !== 'integer')
    .map(({ name }) => sql`coalesce(octet_length(${sql.ref(name)}), 0)`);
  const length = sql`${sql.join(lengths, sql` + `)} AS length`;
  const rows = await readAfter<{ length: number }>(transaction, table, length, last, MAX_BATCH_ROWS);
  let bytes = 0;
  const tooMany = rows.findIndex((row, index) => {
    bytes += row.length;
    return index > 0 && bytes > MAX_BATCH_BYTES;
  });
  return tooMany === -1 ? rows.length : tooMany;
}

async function readAfter<R>(
  { engine, db }: Transaction,
  { name, primaryKey }: Table,
  selection: RawBuilder<unknown>,
  last: Row | undefined,
  limit: number,
): Promise<R[]> {
  // By default, PostgreSQL sorts texts by the locale of the database.
  const keyPart = ({ name, kind }: Column) =>
    engine === 'postgres' && kind === 'text' ? sql`${sql.ref(name)} COLLATE "C"` : sql.ref(name);
  const key = sql.join(primaryKey.map(keyPart));
  const afterLast = last && sql`WHERE (${key}) > (${sql.join(primaryKey.map((column) => last[column.name]))})`;
  const { rows } = await sql<R>`
    SELECT ${selection} FROM ${sql.table(name)} ${afterLast ?? sql``} ORDER BY ${key} LIMIT ${limit}`.execute(db);
  return rows;
}

export async function insertRows({ db }: Transaction, { name, columns }: Table, rows: readonly Row[]): Promise<void> {
  const names = sql.join(columns.map((column) => sql.ref(column.name)));
  const tuples = rows.map((row) => sql`(${sql.join(columns.map((column) => row[column.name]))})`);
  await sql`INSERT INTO ${sql.table(name)} (${names}) VALUES ${sql.join(tuples)}`.execute(db);
}

export async function hasRows({ db }: Transaction, { name }: Table): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM ${sql.table(name)} LIMIT 1`.execute(db);
  return rows.length > 0;
}
