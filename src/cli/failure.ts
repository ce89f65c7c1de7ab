import { VwsError } from '../client/error.ts';
import { type ProblemCode, problems } from '../protocol/problems.ts';
import { CommandError, Interrupted, UsageError } from './command.ts';
import { type ErrorCode, exitCodeOf } from './exitCodes.ts';

/** Why a command ended without doing what it was asked for. */
export interface Failure {
  readonly code: ErrorCode;
  /** What went wrong, in one sentence. */
  readonly title: string;
  readonly detail: string | undefined;
  /** What else programs are told. */
  readonly fields: Readonly<Record<string, string>>;
  /** All of it in the words for people, if that is more than the title. */
  readonly text: string | undefined;
  /** Seconds after which the same command may succeed, if the server said so. */
  readonly retryAfter: number | undefined;
  /** What to do about it. */
  readonly hint: string | undefined;
  readonly exitCode: number;
}

const LOG_IN = 'Log in with: vws login';

const HINTS: Partial<Record<ErrorCode, string>> = {
  not_authenticated: LOG_IN,
  session_not_found: LOG_IN,
  session_expired: LOG_IN,
  out_of_sync: 'A copy of this session may have been used elsewhere. Log in with vws login, then look at vws sessions.',
  account_locked: 'The lock ends by itself after 15 minutes, or with a new password: vws recover',
  bad_answer: 'Is this the address of a VWS server?',
  no_recovery: 'Begin with: vws recover',
  downgrade_refused: 'It may be an old server, which --suite1 is for; see vws login --help.',
  descriptor_invalid: 'Is the clock of this device right?',
  suite1_refused: 'Leave out --suite1.',
};

/** What the server says to clients that know suite 1 alone is not the whole truth for this one. */
const OWN_TITLES: Partial<Record<ErrorCode, string>> = {
  suite1_refused: 'This server speaks suite 2 only.',
};

/** Puts whatever a command threw into the terms of the user. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof VwsError) return describeVwsError(error);
  if (error instanceof UsageError) return failure('wrong_usage', error.message);
  if (error instanceof Interrupted) return failure('interrupted', 'Interrupted.');
  if (error instanceof CommandError) {
    return { ...failure(error.code, error.message), text: error.text, fields: error.fields };
  }
  if (isSystemError(error)) return failure('failed', `${error.message}.`);
  return failure('unexpected', 'An error that nobody foresaw.', (error as Error).stack ?? String(error));
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

/** A file that cannot be written, a disk that is full: the message tells. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

/** The innermost cause says most: `fetch failed` is because of ECONNREFUSED. */
function reasonOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return reasonOf(cause.cause) ?? (cause.message || (cause as NodeJS.ErrnoException).code);
}

/** For scripts: one line of JSON. */
export function failureAsJson({ code, title, detail, retryAfter, fields }: Failure): string {
  return JSON.stringify({ error: { code, title, detail, retryAfter, ...fields } });
}

/** For people, to follow the command's name. */
export function failureAsText({ title, detail, text, hint, retryAfter }: Failure): string {
  const wait = retryAfter === undefined ? undefined : `Try again after ${retryAfter} s.`;
  return [text ?? (detail === undefined ? title : `${title.replace(/\.$/, '')}: ${detail}`), hint, wait]
    .filter((line) => line !== undefined)
    .join('\n');
}
