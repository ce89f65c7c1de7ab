// Queries of the outbox and its leases.
import type { NewRow, Row } from './schema.ts';
import type { Transaction } from './store.ts';

export type OutboxRow = Row<'outbox'>;

/** An email with a code, which the outbox stores encrypted in a row. It contains no text that a user chose. */
export interface CodeMail {
  /** Recovery: the address stored in the account. Email change: the new address. Registration: the given one. */
  readonly to: string;
  readonly code: string;
  /** Milliseconds since 1970. The email is of no use after the code has expired. */
  readonly expiresAt: number;
}

/** The event that a notice reports. */
export type NoticeKind =
  | 'password_changed'
  | 'password_recovered'
  | 'account_locked'
  | 'already_registered'
  | 'email_changed'
  | 'login'
  | 'new_device'
  | 'logins_unreported'
  | 'changes_unreported';

/** An email about an event in the account. It contains no text that a user chose. */
export interface NoticeMail {
  readonly to: string;
  readonly notice: NoticeKind;
  /** With `login` and `new_device`: network of the client, without its last part. */
  readonly network?: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export async function insertOutboxRow({ db }: Transaction, row: NewRow<'outbox'>): Promise<void> {
  await db.insertInto('outbox').values(row).execute();
}

/**
 * Leases due emails. Until the lease expires or the email is rescheduled, no other worker gets it.
 *
 * @param leaseUntil expiry of the leases, in milliseconds since 1970
 */
export async function leaseDueMails(
  { db }: Transaction,
  {
    now,
    leaseUntil,
    leaseToken,
    limit,
  }: { now: number; leaseUntil: number; leaseToken: Uint8Array<ArrayBuffer>; limit: number },
): Promise<OutboxRow[]> {
  return db
    .updateTable('outbox')
    .set((eb) => ({ lease_token: leaseToken, next_attempt_at: leaseUntil, attempts: eb('attempts', '+', 1) }))
    .where('mail_id', 'in', (eb) =>
      eb
        .selectFrom('outbox')
        .select('mail_id')
        .where('next_attempt_at', '<=', now)
        .orderBy('next_attempt_at')
        .limit(limit),
    )
    .where('next_attempt_at', '<=', now)
    .returningAll()
    .execute();
}

/** Reschedules a leased mail. Does nothing if the lease was lost. */
export async function rescheduleMail(
  { db }: Transaction,
  mailId: Uint8Array,
  leaseToken: Uint8Array,
  nextAttemptAt: number,
): Promise<void> {
  await db
    .updateTable('outbox')
    .set({ next_attempt_at: nextAttemptAt, lease_token: null })
    .where('mail_id', '=', mailId)
    .where('lease_token', '=', leaseToken)
    .execute();
}

/** Deletes an email that was sent or dropped. Ignores the lease, because the email must not be sent again. */
export async function removeMail({ db }: Transaction, mailId: Uint8Array): Promise<void> {
  await db.deleteFrom('outbox').where('mail_id', '=', mailId).execute();
}

/** @returns due time of the next email, in milliseconds since 1970; undefined without emails */
export async function findNextMailTime({ db }: Transaction): Promise<number | undefined> {
  const row = await db
    .selectFrom('outbox')
    .select((eb) => eb.fn.min('next_attempt_at').as('time'))
    .executeTakeFirst();
  return row?.time ?? undefined;
}
