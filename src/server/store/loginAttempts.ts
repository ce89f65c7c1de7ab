// Queries of login attempts, which lock an account.
import { sql } from 'kysely';
import type { Transaction } from './store.ts';

/** When wrong passwords lock an account, and for how long. */
export interface LockRule {
  readonly maxFailures: number;
  readonly lockDurationMs: number;
  /** Time without an attempt after which earlier failures are forgotten. */
  readonly memoryMs: number;
}

export interface CountedAttempt {
  /** This attempt and the earlier ones since the last correct password. */
  readonly failures: number;
  readonly locked_until: number | null;
}

/** Counts an attempt before it is checked, in one statement, so that N concurrent attempts count as N. */
export async function countLoginAttempt(
  { db }: Transaction,
  accountKey: Uint8Array,
  now: number,
  { maxFailures, lockDurationMs, memoryMs }: LockRule,
): Promise<CountedAttempt> {
  const restartsCount = sql`(login_attempts.locked_until <= ${now} OR login_attempts.last_attempt_at <= ${now - memoryMs})`;
  const { rows } = await sql<CountedAttempt>`
    INSERT INTO login_attempts (account_key, failures, last_attempt_at, locked_until)
    VALUES (${accountKey}, 1, ${now}, NULL)
    ON CONFLICT (account_key) DO UPDATE SET
      failures = CASE WHEN ${restartsCount} THEN 1 ELSE login_attempts.failures + 1 END,
      locked_until = CASE
        WHEN ${restartsCount} THEN NULL
        WHEN login_attempts.failures + 1 = ${maxFailures} THEN ${now + lockDurationMs}
        ELSE login_attempts.locked_until
      END,
      last_attempt_at = ${now}
    RETURNING failures, locked_until`.execute(db);
  const [attempt] = rows;
  if (!attempt) throw new Error('an upsert returned no row');
  return attempt;
}

/** @returns the attempts since the last correct password, or since a lock that has ended */
export async function findLoginFailures({ db }: Transaction, accountKey: Uint8Array, now: number): Promise<number> {
  const row = await db
    .selectFrom('login_attempts')
    .select('failures')
    .where('account_key', '=', accountKey)
    .where((eb) => eb.or([eb('locked_until', 'is', null), eb('locked_until', '>', now)]))
    .executeTakeFirst();
  return row?.failures ?? 0;
}

/** Forgets the attempts after a correct password or a recovery. */
export async function clearLoginAttempts({ db }: Transaction, accountKey: Uint8Array): Promise<void> {
  await db.deleteFrom('login_attempts').where('account_key', '=', accountKey).execute();
}
