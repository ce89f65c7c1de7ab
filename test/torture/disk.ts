// Reads and changes the database of the servers from outside.
import type { StoreLocation } from '../../src/server/store/open.ts';
import { runSql } from '../support/sql.ts';

/** @returns name and email of every user */
export async function readUsers(place: StoreLocation): Promise<{ username: string; email: string }[]> {
  return (await runSql(place, 'SELECT username, email FROM users')) as { username: string; email: string }[];
}

/** @returns the number of emails in the outbox */
export async function countOutbox(place: StoreLocation): Promise<number> {
  const [row] = (await runSql(place, 'SELECT count(*) AS count FROM outbox')) as { count: number | string }[];
  return Number(row?.count);
}

/** An email and the lease of its worker, in hex. */
export interface MailLease {
  readonly mailId: string;
  readonly token: string;
}

interface LeaseRow {
  readonly mail_id: Uint8Array;
  readonly lease_token: Uint8Array | null;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** @returns the emails that a worker has leased, dead workers included */
export async function readMailLeases(place: StoreLocation): Promise<MailLease[]> {
  const rows = await runSql(place, 'SELECT mail_id, lease_token FROM outbox WHERE lease_token IS NOT NULL');
  return (rows as unknown as LeaseRow[]).map((row) => ({
    mailId: hex(row.mail_id),
    token: hex(row.lease_token ?? Buffer.of()),
  }));
}

/** Ends a lease now. */
export async function endMailLease(place: StoreLocation, { mailId, token }: MailLease): Promise<void> {
  const literal = (digits: string) => (place.engine === 'postgres' ? `'\\x${digits}'::bytea` : `x'${digits}'`);
  await runSql(
    place,
    `UPDATE outbox SET next_attempt_at = 0 WHERE mail_id = ${literal(mailId)} AND lease_token = ${literal(token)}`,
  );
}

/** Ends all leases now. No server may be running. */
export async function endLeases(place: StoreLocation): Promise<void> {
  await runSql(place, 'UPDATE outbox SET next_attempt_at = 0', 'UPDATE request_locks SET lease_until = 0');
}

/** @returns errors of the database file and of references in it */
export async function findDamage(place: StoreLocation): Promise<string[]> {
  if (place.engine === 'postgres') return [];
  const integrity = (await runSql(place, 'PRAGMA integrity_check')) as { integrity_check: string }[];
  const references = await runSql(place, 'PRAGMA foreign_key_check');
  return [
    ...integrity.map((row) => row.integrity_check).filter((line) => line !== 'ok'),
    ...references.map((row) => JSON.stringify(row)),
  ];
}
