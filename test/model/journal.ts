// Order of commits, recorded by triggers in the database itself, so that it survives whatever the data survives.
import type { DatabaseSync } from 'node:sqlite';

/** Ids, hashes and keys are in hex. */
export interface JournalEntry {
  readonly kind: 'step' | 'mail' | 'attempt' | 'attempts forgotten';
  /** Id of the step or mail; for attempts the key of the account. */
  readonly id: string;
  readonly parent: string | null;
  readonly session: string | null;
  readonly user: string | null;
  readonly recovery: string | null;
  readonly request: string | null;
  readonly answer: Uint8Array | null;
  readonly failures: number | null;
  readonly lockedUntil: number | null;
}

const TRIGGERS = `
  CREATE TABLE journal (
    n INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id BLOB NOT NULL,
    parent BLOB, session BLOB, user BLOB, recovery BLOB, request BLOB, answer BLOB, failures INTEGER, locked_until INTEGER
  ) STRICT;
  CREATE TRIGGER journal_step AFTER INSERT ON session_steps BEGIN
    INSERT INTO journal (kind, id, parent, session, user, recovery, request, answer)
    VALUES ('step', NEW.step_id, NEW.parent_id, NEW.session_id, NEW.user_id, NEW.recovery_id, NEW.request_hash, NEW.sealed_response);
  END;
  -- A step may take the row of another one.
  CREATE TRIGGER journal_step_in_place AFTER UPDATE OF step_id ON session_steps BEGIN
    INSERT INTO journal (kind, id, parent, session, user, recovery, request, answer)
    VALUES ('step', NEW.step_id, NEW.parent_id, NEW.session_id, NEW.user_id, NEW.recovery_id, NEW.request_hash, NEW.sealed_response);
  END;
  CREATE TRIGGER journal_mail AFTER INSERT ON outbox BEGIN
    INSERT INTO journal (kind, id) VALUES ('mail', NEW.mail_id);
  END;
  CREATE TRIGGER journal_first_attempt AFTER INSERT ON login_attempts BEGIN
    INSERT INTO journal (kind, id, failures, locked_until) VALUES ('attempt', NEW.account_key, NEW.failures, NEW.locked_until);
  END;
  CREATE TRIGGER journal_attempt AFTER UPDATE ON login_attempts BEGIN
    INSERT INTO journal (kind, id, failures, locked_until) VALUES ('attempt', NEW.account_key, NEW.failures, NEW.locked_until);
  END;
  CREATE TRIGGER journal_forgotten AFTER DELETE ON login_attempts BEGIN
    INSERT INTO journal (kind, id) VALUES ('attempts forgotten', OLD.account_key);
  END;
`;

export function addJournal(database: DatabaseSync): void {
  database.exec(TRIGGERS);
}

/** @returns the entries after number `after`, and the number of the last one */
export function readJournal(database: DatabaseSync, after: number): { entries: JournalEntry[]; last: number } {
  const rows = database
    .prepare(
      `SELECT n, kind, lower(hex(id)) AS id, lower(hex(parent)) AS parent, lower(hex(session)) AS session,
         lower(hex(user)) AS user, lower(hex(recovery)) AS recovery, lower(hex(request)) AS request, answer, failures,
         locked_until AS lockedUntil
       FROM journal WHERE n > ? ORDER BY n`,
    )
    .all(after) as unknown as (JournalEntry & { n: number })[];
  const orNull = (hex: string | null) => (hex === '' ? null : hex);
  const entries = rows.map((row) => ({
    ...row,
    parent: orNull(row.parent),
    session: orNull(row.session),
    user: orNull(row.user),
    recovery: orNull(row.recovery),
    request: orNull(row.request),
  }));
  return { entries, last: rows.at(-1)?.n ?? after };
}
