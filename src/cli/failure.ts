// Turns errors into what users and scripts see: code, title, detail, hint and exit code.
import { VwsError } from '../client/error.ts';
import { type ProblemCode, problems } from '../protocol/problems.ts';
import { CommandError, Interrupted, UsageError } from './errors.ts';
import { type ErrorCode, exitCodeOf } from './exitCodes.ts';

interface Failure {
  readonly code: ErrorCode;
  /** The problem, in one sentence. */
  readonly title: string;
  readonly detail: string | undefined;
  /** Additional fields of the JSON error. */
  readonly fields: Readonly<Record<string, string>>;
  /** Replaces title and detail for people. */
  readonly text: string | undefined;
  /** Seconds to wait before the same command may succeed, if the server reported it. */
  readonly retryAfter: number | undefined;
  /** The next action for the user. */
  readonly hint: string | undefined;
  readonly exitCode: number;
}

const LOG_IN = 'Log in with: vws login';

const HINTS: Partial<Record<ErrorCode, string>> = {
  not_authenticated: LOG_IN,
  session_not_found: LOG_IN,
  session_expired: LOG_IN,
  out_of_sync:
    'A copy of this session may have been used elsewhere. Log in with vws login, then check the list of vws sessions.',
  account_locked: 'The lock ends after 15 minutes, or when you set a new password with: vws recover',
  bad_answer: 'Check that this is the address of a VWS server.',
  no_recovery: 'Start with: vws recover',
  no_email_change: 'Start with: vws account email <address>',
  downgrade_refused: 'If it is an old server, see --suite1 in vws login --help.',
  descriptor_invalid: 'Check the clock of this device.',
  invite_required: 'Register with: vws register --invite <code>',
  suite1_refused: 'Omit --suite1.',
  not_supported: 'Use vws encrypt. If the server was updated since your login, log out and log in again.',
  message_not_found: 'Only the recipient can open a message, and only the sender can revoke it. Check: vws whoami',
  quota_exceeded: 'Revoke messages that are no longer needed: vws sent, vws revoke <id>',
  contact_changed:
    'No message was created. Ask the recipient over another channel. If they confirm it, repeat it with --accept-contact',
};

/** Titles that suit this client better than the server's, which address clients that support only suite 1. */
const OWN_TITLES: Partial<Record<ErrorCode, string>> = {
  suite1_refused: 'This server does not accept suite 1, or only over HTTPS.',
};

/** Describes any error that a command throws. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof VwsError) return describeVwsError(error);
  if (error instanceof UsageError) return failure('wrong_usage', error.message);
  if (error instanceof Interrupted) return failure('interrupted', 'Interrupted.');
  if (error instanceof CommandError) {
    return { ...failure(error.code, error.message), text: error.text, fields: error.fields };
  }
  if (isSystemError(error)) return failure('failed', `${error.message}.`);
  return failure('unexpected', 'Unexpected error. Please report it.', (error as Error).stack ?? String(error));
}

function describeVwsError(error: VwsError): Failure {
  const own = OWN_TITLES[error.code];
  if (own !== undefined) return failure(error.code, own);
  const title = problems[error.code as ProblemCode]?.title ?? error.message;
  const detail = error.detail ?? reasonOf(error.cause);
  return { ...failure(error.code, title, detail), retryAfter: error.retryAfter };
}

function failure(code: ErrorCode, title: string, detail?: string): Failure {
  const [hint, exitCode] = [HINTS[code], exitCodeOf(code)];
  return { code, title, detail, fields: {}, text: undefined, retryAfter: undefined, hint, exitCode };
}

/** Errors of the operating system, such as a full disk, have complete messages. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

/** The innermost cause is the most precise: `fetch failed` is caused by ECONNREFUSED. */
function reasonOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return reasonOf(cause.cause) ?? (cause.message || (cause as NodeJS.ErrnoException).code);
}

/** The error for scripts: one line of JSON. */
export function failureAsJson({ code, title, detail, retryAfter, fields }: Failure): string {
  return JSON.stringify({ error: { code, title, detail, retryAfter, ...fields } });
}

/** The error for people, without the name of the command. */
export function failureAsText({ title, detail, text, hint, retryAfter }: Failure): string {
  const wait = retryAfter === undefined ? undefined : `Try again after ${retryAfter} s.`;
  return [text ?? (detail === undefined ? title : `${title.replace(/\.$/, '')}: ${detail}`), hint, wait]
    .filter((line) => line !== undefined)
    .join('\n');
}
