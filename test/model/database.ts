// Reads the database of a model run as the state that the rules use.
import type { DatabaseSync } from 'node:sqlite';
import { passwordOfFakeHash } from '../support/inProcessServer.ts';
import type { State } from './rules.ts';

type Row = Record<string, string | number | null>;

/** The part of a state that the database shows, in one form for both. */
export interface Picture {
  readonly users: Record<string, unknown>;
  readonly attempts: Record<string, unknown>;
  readonly recoveries: Record<string, unknown>;
  readonly sessions: Record<string, { readonly lastUse: number; readonly steps: Record<string, unknown> }>;
}

/** @param accountKeyOf returns the key under which attempts for an email address are counted, in hex */
export function pictureOfState(state: State, accountKeyOf: (email: string) => string): Picture {
  const mapped = <V>(map: Map<string, V>, view: (value: V) => unknown) =>
    Object.fromEntries([...map].map(([id, value]) => [id, view(value)]));
  return {
    users: mapped(state.users, ({ username, email, password }) => ({ username, email, password })),
    attempts: Object.fromEntries([...state.attempts].map(([email, value]) => [accountKeyOf(email), value])),
    recoveries: mapped(state.recoveries, ({ user, tries, expiresAt, confirmed, used }) => {
      return { user, tries, expiresAt, confirmed, used };
    }),
    sessions: mapped(state.sessions, ({ lastUse, steps }) => ({
      lastUse,
      steps: mapped(steps, ({ user, recovery, used }) => ({ user, recovery, used })),
    })) as Picture['sessions'],
  };
}

export function pictureOfDatabase(database: DatabaseSync): Picture {
  const all = (query: string) => database.prepare(query).all() as Row[];
  const orNull = (hex: unknown) => (hex === '' ? null : hex);
  const sessions: Record<string, { lastUse: number; steps: Record<string, unknown> }> = {};
  const steps = all(
    `SELECT lower(hex(session_id)) AS session, lower(hex(step_id)) AS id, lower(hex(user_id)) AS user,
       lower(hex(recovery_id)) AS recovery, used, last_used_at AS time FROM session_steps`,
  );
  for (const { session, id, user, recovery, used, time } of steps) {
    sessions[String(session)] ??= { lastUse: 0, steps: {} };
    const entry = sessions[String(session)] as { lastUse: number; steps: Record<string, unknown> };
    entry.lastUse = Math.max(entry.lastUse, Number(time));
    entry.steps[String(id)] = { user: orNull(user), recovery: orNull(recovery), used: Number(used) > 0 };
  }
  const users = all('SELECT lower(hex(user_id)) AS id, username, email, password_hash FROM users');
  const attempts = all(
    'SELECT lower(hex(account_key)) AS id, failures, last_attempt_at, locked_until FROM login_attempts',
  );
  const recoveries = all(
    `SELECT lower(hex(recovery_id)) AS id, lower(hex(user_id)) AS user, tries, expires_at, confirmed_at, used_at
     FROM recoveries`,
  );
  return {
    users: Object.fromEntries(
      users.map(({ id, username, email, password_hash }) => [
        id,
        { username, email, password: passwordOfFakeHash(String(password_hash)) },
      ]),
    ),
    attempts: Object.fromEntries(
      attempts.map(({ id, failures, last_attempt_at, locked_until }) => [
        id,
        { failures, at: last_attempt_at, lockedUntil: locked_until },
      ]),
    ),
    recoveries: Object.fromEntries(
      recoveries.map(({ id, user, tries, expires_at, confirmed_at, used_at }) => [
        id,
        { user: orNull(user), tries, expiresAt: expires_at, confirmed: confirmed_at !== null, used: used_at !== null },
      ]),
    ),
    sessions,
  };
}

/** @returns the number of request locks whose lease has not ended */
export function countRequestLocks(database: DatabaseSync, now: number): number {
  const row = database.prepare('SELECT count(*) AS n FROM request_locks WHERE lease_until > ?').get(now);
  return Number(row?.n);
}

/** @returns the ids of emails and decoys that have not been sent, in hex */
export function waitingMails(database: DatabaseSync): string[] {
  const rows = database.prepare('SELECT lower(hex(mail_id)) AS id FROM outbox').all();
  return rows.map(({ id }) => String(id));
}
