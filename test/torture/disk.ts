/** What lies in the database of the servers, looked at from outside. */
import type { StoreLocation } from '../../src/server/store/open.ts';
import { runSql } from '../support/sql.ts';

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
  return (rows as unknown as LeaseRow[]).map((row) => ({
    mailId: hex(row.mail_id),
    token: hex(row.lease_token ?? Buffer.of()),
  }));
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
