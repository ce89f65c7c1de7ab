import type { VwsErrorCode } from '../client/error.ts';

/** What went wrong in the command itself, before or beside any call. */
export type CommandErrorCode =
  | 'failed'
  | 'unexpected'
  | 'wrong_usage'
  | 'interrupted'
  | 'not_logged_in'
  | 'state_in_use'
  | 'state_unusable'
  | 'not_text';

export type ErrorCode = VwsErrorCode | CommandErrorCode;

interface ExitRow {
  readonly exit: number;
  readonly meaning: string;
  /** The error codes that lead to it. */
  readonly errors: readonly ErrorCode[];
}

/** Every exit code of `vws`: the one table that the program, its help and its documentation go by. */
export const exitRows = [
  { exit: 0, meaning: 'done', errors: [] },
  { exit: 1, meaning: 'failed; the message says why', errors: ['failed'] },
  { exit: 2, meaning: 'wrong usage', errors: ['wrong_usage'] },
  {
    exit: 3,
    meaning: 'not logged in, or the session is lost',
    errors: ['not_logged_in', 'not_authenticated', 'session_not_found', 'session_expired', 'out_of_sync'],
  },
  {
    exit: 4,
    meaning: 'wrong password or code, or the account is locked',
    errors: ['invalid_credentials', 'account_locked', 'invalid_code'],
  },
  {
    exit: 5,
    meaning: 'no answer from the server: unreachable or busy',
    errors: ['network', 'deadline', 'bad_answer', 'overloaded', 'store_unavailable', 'too_many_requests'],
  },
  {
    exit: 6,
    meaning: 'the server is not the one that is known or trusted',
    errors: ['identity_changed', 'identity_refused', 'identity_required', 'descriptor_invalid', 'downgrade_refused'],
  },
  {
    exit: 7,
    meaning: 'nothing there: no such user, session or recovery, or no message for you',
    errors: ['user_not_found', 'no_such_session', 'no_recovery', 'undecryptable_message'],
  },
  { exit: 130, meaning: 'interrupted (Ctrl-C)', errors: ['interrupted'] },
  { exit: 141, meaning: 'whoever read the output has gone', errors: [] },
] as const satisfies readonly ExitRow[];

export const DONE = 0;
export const FAILED = 1;
export const BROKEN_PIPE = 141;

export function exitCodeOf(code: ErrorCode): number {
  const rows: readonly ExitRow[] = exitRows;
  return rows.find(({ errors }) => errors.includes(code))?.exit ?? FAILED;
}
