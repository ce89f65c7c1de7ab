// Deletes expired rows of every kind.

import { type MessageExpiry, sweepTokenMessages } from './messageExpiry.ts';
import type { Database } from './schema.ts';
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
    endedRecoveries(db, times.recoveriesEndedBy, limit),
    endedEmailChanges(db, times.emailChangesEndedBy, limit),
    endedRegistrations(db, times.registrationsEndedBy, limit),
    endedInvites(db, times.invitesEndedBy, limit),
    oldLoginAttempts(db, times.loginAttemptsBefore, limit),
    unusedKnownClients(db, times.knownClientsUnusedSince, limit),
    fullBudgets(db, times.budgetsFullBy, limit),
    oldRateCounters(db, times.rateWindowsBefore, limit),
  ];
  let most = Math.max(steps.length, await sweepTokenMessages(tx, times.messages, limit));
  for (const deletion of deletions) {
    const { numDeletedRows } = await deletion.executeTakeFirst();
    most = Math.max(most, Number(numDeletedRows));
  }
  return most;
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

function endedRecoveries(db: Database, by: number, limit: number) {
  const expired = db.selectFrom('recoveries').select('recovery_id').where('expires_at', '<=', by);
  return db.deleteFrom('recoveries').where('recovery_id', 'in', expired.limit(limit));
}

function endedEmailChanges(db: Database, by: number, limit: number) {
  const expired = db.selectFrom('email_changes').select('user_id').where('expires_at', '<=', by);
  return db.deleteFrom('email_changes').where('user_id', 'in', expired.limit(limit));
}

function endedRegistrations(db: Database, by: number, limit: number) {
  const expired = db.selectFrom('pending_registrations').select('registration_id').where('expires_at', '<=', by);
  return db.deleteFrom('pending_registrations').where('registration_id', 'in', expired.limit(limit));
}

function endedInvites(db: Database, by: number, limit: number) {
  const expired = db.selectFrom('invites').select('code_hash').where('expires_at', '<=', by);
  return db.deleteFrom('invites').where('code_hash', 'in', expired.limit(limit));
}

function oldLoginAttempts(db: Database, before: number, limit: number) {
  const expired = db.selectFrom('login_attempts').select('account_key').where('last_attempt_at', '<=', before);
  return db.deleteFrom('login_attempts').where('account_key', 'in', expired.limit(limit));
}

function unusedKnownClients(db: Database, since: number, limit: number) {
  const expired = db.selectFrom('known_clients').select('client_hash').where('last_used_at', '<=', since);
  return db.deleteFrom('known_clients').where('client_hash', 'in', expired.limit(limit));
}

function fullBudgets(db: Database, by: number, limit: number) {
  const expired = db.selectFrom('budgets').select('budget_key').where('full_at', '<=', by);
  return db.deleteFrom('budgets').where('budget_key', 'in', expired.limit(limit));
}

function oldRateCounters(db: Database, before: number, limit: number) {
  const expired = db.selectFrom('rate_counters').select('counter_key').where('window_started_at', '<=', before);
  return db.deleteFrom('rate_counters').where('counter_key', 'in', expired.limit(limit));
}
