/** What lies in the database of the servers, looked at from outside. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { SqliteLocation, StoreLocation } from '../../src/server/store/open.ts';
import type { TestServer } from '../support/server.ts';

/** A server may be writing. */
const BUSY_TIMEOUT_MILLISECONDS = 10_000;

/** A database, or a server that has one of its own. */
export type Place = { engine: 'postgres'; url: string } | SqliteLocation | Pick<TestServer, 'dataDir' | 'databaseUrl'>;

function locate(place: Place): Exclude<Place, Pick<TestServer, 'dataDir'>> {
  if ('engine' in place) return place;
  if (place.databaseUrl !== undefined) return { engine: 'postgres', url: place.databaseUrl };
  return { engine: 'sqlite', path: join(place.dataDir, 'vws.db') };
}

/** Runs statements one after the other. @returns the rows of the last one */
export async function runSql(place: Place, ...statements: string[]): Promise<unknown[]> {
  const location = locate(place);
  if (location.engine === 'postgres') return runOnPostgres(location.url, statements);
  const database = new DatabaseSync(location.path, { timeout: BUSY_TIMEOUT_MILLISECONDS });
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
export async function readUsers(place: StoreLocation): Promise<{ username: string; email: string }[]> {
  return (await runSql(place, 'SELECT username, email FROM users')) as { username: string; email: string }[];
}

/** @returns how many mails wait to be sent, or to be found sent */
export async function countOutbox(place: StoreLocation): Promise<number> {
  const [row] = (await runSql(place, 'SELECT count(*) AS count FROM outbox')) as { count: number | string }[];
  return Number(row?.count);
}

/** A mail and the worker that has it, in hexadecimal. */
export interface MailLease {
  readonly mailId: string;
  readonly token: string;
}

interface LeaseRow {
  readonly mail_id: Uint8Array;
  readonly lease_token: Uint8Array | null;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** @returns the mails that some worker has, or had when it died */
export async function readMailLeases(place: StoreLocation): Promise<MailLease[]> {
  const rows = await runSql(place, 'SELECT mail_id, lease_token FROM outbox WHERE lease_token IS NOT NULL');
  return (rows as LeaseRow[]).map((row) => ({ mailId: hex(row.mail_id), token: hex(row.lease_token ?? Buffer.of()) }));
}

/** Makes a lease end now, as time would. */
export async function endMailLease(place: StoreLocation, { mailId, token }: MailLease): Promise<void> {
  const literal = (digits: string) => (place.engine === 'postgres' ? `'\\x${digits}'::bytea` : `x'${digits}'`);
  await runSql(
    place,
    `UPDATE outbox SET next_attempt_at = 0 WHERE mail_id = ${literal(mailId)} AND lease_token = ${literal(token)}`,
  );
}

/** Makes all leases end now, as time would: nobody may be at work. */
export async function endLeases(place: StoreLocation): Promise<void> {
  await runSql(place, 'UPDATE outbox SET next_attempt_at = 0', 'UPDATE request_locks SET lease_until = 0');
}

/** @returns what is wrong with the database file, or with references in it */
export async function findDamage(place: StoreLocation): Promise<string[]> {
  if (place.engine === 'postgres') return [];
  const integrity = (await runSql(place, 'PRAGMA integrity_check')) as { integrity_check: string }[];
  const references = await runSql(place, 'PRAGMA foreign_key_check');
  return [
    ...integrity.map((row) => row.integrity_check).filter((line) => line !== 'ok'),
    ...references.map((row) => JSON.stringify(row)),
  ];
}
