/** What lies in the database of a server, looked at from outside. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { TestServer } from '../support/server.ts';

/** A server may be writing. */
const BUSY_TIMEOUT_MILLISECONDS = 10_000;

/** Where a server keeps its data: on PostgreSQL if it has an address there. */
export type Place = Pick<TestServer, 'dataDir' | 'databaseUrl'>;

/** Runs statements one after the other. @returns the rows of the last one */
export async function runSql({ dataDir, databaseUrl }: Place, ...statements: string[]): Promise<unknown[]> {
  if (databaseUrl !== undefined) return runOnPostgres(databaseUrl, statements);
  const database = new DatabaseSync(join(dataDir, 'vws.db'), { timeout: BUSY_TIMEOUT_MILLISECONDS });
  try {
    return statements.map((statement) => database.prepare(statement).all()).at(-1) ?? [];
  } finally {
    database.close();
  }
}

async function runOnPostgres(url: string, statements: readonly string[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: unknown[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** @returns name and address of every user */
export async function readUsers(place: Place): Promise<{ username: string; email: string }[]> {
  return (await runSql(place, 'SELECT username, email FROM users')) as { username: string; email: string }[];
}

/** @returns how many mails wait to be sent, or to be found sent */
export async function countOutbox(place: Place): Promise<number> {
  const [row] = (await runSql(place, 'SELECT count(*) AS count FROM outbox')) as { count: number | string }[];
  return Number(row?.count);
}

/** Makes the leases of the dead process end now, as time would. */
export async function endLeases(place: Place): Promise<void> {
  await runSql(place, 'UPDATE outbox SET next_attempt_at = 0', 'UPDATE request_claims SET lease_until = 0');
}

/** @returns what is wrong with the database file, or with references in it */
export async function findDamage(place: Place): Promise<string[]> {
  if (place.databaseUrl !== undefined) return [];
  const integrity = (await runSql(place, 'PRAGMA integrity_check')) as { integrity_check: string }[];
  const references = await runSql(place, 'PRAGMA foreign_key_check');
  return [
    ...integrity.map((row) => row.integrity_check).filter((line) => line !== 'ok'),
    ...references.map((row) => JSON.stringify(row)),
  ];
}
