// Compares the rows of a table in two databases.
import type { Transaction } from '../../server/store/store.ts';
import { type Row, readBatches, type Value } from './rows.ts';
import type { Table } from './tables.ts';

/** Two databases differ. The message names the row by its key and never contains other values. */
export class DifferenceError extends Error {
  override readonly name = 'DifferenceError';
}

/**
 * Compares a table of two databases, row by row in the order of the primary key and column by column.
 *
 * @returns the number of rows
 * @throws DifferenceError at the first difference
 */
export async function compareTables(source: Transaction, target: Transaction, table: Table): Promise<number> {
  const sourceRows = readRows(source, table);
  const targetRows = readRows(target, table);
  for (let count = 0; ; count += 1) {
    const [expected, found] = [(await sourceRows.next()).value, (await targetRows.next()).value];
    if (!expected && !found) return count;
    const difference = describeDifference(table, expected || undefined, found || undefined);
    if (difference) throw new DifferenceError(`${table.name}: ${difference}`);
  }
}

async function* readRows(transaction: Transaction, table: Table): AsyncGenerator<Row, undefined> {
  for await (const batch of readBatches(transaction, table)) yield* batch;
}

function describeDifference(table: Table, expected: Row | undefined, found: Row | undefined): string | undefined {
  if (!expected) return `the target has an additional row, ${keyOf(table, found)}`;
  if (!found) return `the target lacks the row ${keyOf(table, expected)}`;
  if (table.primaryKey.some(({ name }) => !isSame(expected[name], found[name]))) {
    return `the source has the row ${keyOf(table, expected)} where the target has ${keyOf(table, found)}`;
  }
  const column = table.columns.find(({ name }) => !isSame(expected[name], found[name]));
  return column && `the row ${keyOf(table, expected)} differs in ${column.name}`;
}

function isSame(one: Value | undefined, other: Value | undefined): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0;
  return one !== undefined && one === other;
}

function keyOf({ primaryKey }: Table, row: Row | undefined): string {
  return primaryKey.map(({ name }) => `${name}=${keyText(row?.[name])}`).join(' ');
}

function keyText(value: Value | undefined): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
}
