// Deletes expired rows of every kind.
import { sql } from 'kysely';
import { type MessageExpiry, sweepTokenMessages } from './messageExpiry.ts';
import type { Database, Schema } from './schema.ts';
import { deleteLabels } from './sessionLabels.ts';
import type { Transaction } from './store.ts';

/** Times in milliseconds since 1970 at or before which rows have expired, by kind. */
export interface ExpiryTimes {
  readonly sessionsUnusedSince: number;
  /** For sessions that were never used, by suite. */
  readonly handshakesUnusedSince: { readonly 1: number; readonly 2: number };
  readonly requestLocksExpiredBy: number;
  readonly recoveriesEndedBy: number;
  readonly emailChangesEndedBy: number;
  readonly registrationsEndedBy: number;
  readonly invitesEndedBy: number;
  readonly loginAttemptsBefore: number;
  readonly knownClientsUnusedSince: number;
  readonly budgetsFullBy: number;
  readonly rateWindowsBefore: number;
  readonly kemKeysEndedBy: number;
  readonly messages: MessageExpiry;
}

/**
 * Deletes a bounded number of expired rows of each kind, so that one sweep does not delay other work for long.
 *
 * @returns the largest number deleted of one kind; below `limit`, no expired row is left
 */
export async function deleteExpired(tx: Transaction, times: ExpiryTimes, limit: number): Promise<number> {
  const { db } = tx;
  const steps = await unusedSessions(db, times.sessionsUnusedSince, limit).returning('session_id').execute();
  await deleteLabels(
    tx,
    steps.map(({ session_id }) => session_id),
  );
  const deletions = [
    unusedHandshakes(db, 1, times.handshakesUnusedSince[1], limit),
    unusedHandshakes(db, 2, times.handshakesUnusedSince[2], limit),
    db.deleteFrom('kem_keys').where('not_after', '<=', times.kemKeysEndedBy),
    // Needs no bound: only requests interrupted by a crash leave an expired lock.
    db.deleteFrom('request_locks').where('lease_until', '<=', times.requestLocksExpiredBy),
  ];
  const expirations = [
    rowsUntil('recoveries', 'recovery_id', 'expires_at', times.recoveriesEndedBy),
    rowsUntil('email_changes', 'user_id', 'expires_at', times.emailChangesEndedBy),
    rowsUntil('pending_registrations', 'registration_id', 'expires_at', times.registrationsEndedBy),
    rowsUntil('invites', 'code_hash', 'expires_at', times.invitesEndedBy),
    rowsUntil('login_attempts', 'account_key', 'last_attempt_at', times.loginAttemptsBefore),
    rowsUntil('known_clients', 'client_hash', 'last_used_at', times.knownClientsUnusedSince),
    rowsUntil('budgets', 'budget_key', 'full_at', times.budgetsFullBy),
    rowsUntil('rate_counters', 'counter_key', 'window_started_at', times.rateWindowsBefore),
  ];
  let most = Math.max(steps.length, await sweepTokenMessages(tx, times.messages, limit));
  for (const deletion of deletions) {
    const { numDeletedRows } = await deletion.executeTakeFirst();
    most = Math.max(most, Number(numDeletedRows));
  }
  for (const rows of expirations) most = Math.max(most, await deleteRows(db, rows, limit));
  return most;
}

/** Rows of a table whose time is not after `until`. */
interface ExpiredRows {
  readonly table: keyof Schema;
  /** The column that identifies a row. */
  readonly key: string;
  readonly time: string;
  readonly until: number;
}

function rowsUntil<Table extends keyof Schema>(
  table: Table,
  key: keyof Schema[Table] & string,
  time: keyof Schema[Table] & string,
  until: number,
): ExpiredRows {
  return { table, key, time, until };
}

/** @returns the number of deleted rows */
async function deleteRows(db: Database, { table, key, time, until }: ExpiredRows, limit: number): Promise<number> {
  const from = sql`FROM ${sql.table(table)}`;
  const expired = sql`SELECT ${sql.ref(key)} ${from} WHERE ${sql.ref(time)} <= ${until} LIMIT ${limit}`;
  const { numAffectedRows } = await sql`DELETE ${from} WHERE ${sql.ref(key)} IN (${expired})`.execute(db);
  return Number(numAffectedRows);
}

function unusedSessions(db: Database, since: number, limit: number) {
  return db.deleteFrom('session_steps').where('step_id', 'in', (eb) =>
    eb
      .selectFrom('session_steps as step')
      .select('step.step_id')
      .where('step.last_used_at', '<=', since)
      // A session expires as a whole: an old step may contain an answer that is requested again.
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('session_steps as later')
              .select('later.step_id')
              .whereRef('later.session_id', '=', 'step.session_id')
              .where('later.last_used_at', '>', since),
          ),
        ),
      )
      .limit(limit),
  );
}

function unusedHandshakes(db: Database, suite: number, since: number, limit: number) {
  const expired = db
    .selectFrom('session_steps')
    .select('step_id')
    .where('last_used_at', '<=', since)
    .where('suite', '=', suite)
    .where('used', '=', 0)
    .where('parent_id', 'is', null);
  return db.deleteFrom('session_steps').where('step_id', 'in', expired.limit(limit));
}
