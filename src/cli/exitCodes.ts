// The exit codes of `vws`, and the error codes that lead to each.
import type { VwsErrorCode } from '../client/error.ts';
import type { VideoErrorCode } from '../video/errors.ts';

/** Errors of the command itself, in addition to those of the SDK and the server. */
type CommandErrorCode =
  | 'failed'
  | 'unexpected'
  | 'wrong_usage'
  | 'interrupted'
  | 'not_logged_in'
  | 'state_in_use'
  | 'state_unusable'
  | 'not_text'
  | 'no_payload'
  | 'no_video_support';

export type ErrorCode = VwsErrorCode | VideoErrorCode | CommandErrorCode;

interface ExitRow {
  readonly exit: number;
  readonly meaning: string;
  /** The error codes with this exit code; all others have 1. */
  readonly errors: readonly ErrorCode[];
}

/** All exit codes. The program, its help and its documentation use this table. */
export const exitRows = [
  { exit: 0, meaning: 'success', errors: [] },
  { exit: 1, meaning: 'failed; see the message', errors: ['failed'] },
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
    meaning: 'no response from the server: unreachable or busy',
    errors: ['network', 'deadline', 'bad_answer', 'overloaded', 'store_unavailable', 'too_many_requests'],
  },
  {
    exit: 6,
    meaning: 'the identity of the server or of a user is not the expected one, or not trusted',
    errors: [
      ...(['identity_changed', 'identity_refused', 'identity_required', 'descriptor_invalid'] as const),
      ...(['downgrade_refused', 'contact_changed'] as const),
    ],
  },
  {
    exit: 7,
    meaning: 'not found: user, session, message, recovery …; or the message has ended, is damaged or not for you',
    errors: [
      ...(['user_not_found', 'no_such_session', 'no_recovery', 'no_registration', 'no_email_change'] as const),
      ...(['undecryptable_message', 'message_not_found', 'message_expired', 'message_used_up'] as const),
      ...(['message_revoked', 'message_finished', 'message_ended', 'invalid_payload'] as const),
      ...(['no_payload', 'damaged'] as const),
    ],
  },
  { exit: 130, meaning: 'interrupted (Ctrl-C)', errors: ['interrupted'] },
  { exit: 141, meaning: 'the output was closed (broken pipe)', errors: [] },
] as const satisfies readonly ExitRow[];

export const DONE = 0;
export const FAILED = 1;
export const BROKEN_PIPE = 141;

export function exitCodeOf(code: ErrorCode): number {
  const rows: readonly ExitRow[] = exitRows;
  return rows.find(({ errors }) => errors.includes(code))?.exit ?? FAILED;
}
