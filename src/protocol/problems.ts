/** How suite 1 says a problem on the wire. */
export type Suite1Form =
  /** An answer like any other: new keys beside a clear `error` sentence. */
  | { readonly kind: 'answer'; readonly status: 201 | 202; readonly sentence: string }
  /** A JSON string and nothing else. */
  | { readonly kind: 'sentence'; readonly status: 404 | 408; readonly sentence: string }
  /** `{"error": …}` without keys: nothing was executed and the session stays as it was. */
  | { readonly kind: 'refusal' };

interface ProblemRow {
  /** HTTP status in the sense of RFC 9110. */
  readonly status: number;
  readonly title: string;
  readonly suite1: Suite1Form;
}

const answer = (sentence: string, status: 201 | 202 = 201): Suite1Form => ({ kind: 'answer', status, sentence });
const sentence = (text: string, status: 404 | 408): Suite1Form => ({ kind: 'sentence', status, sentence: text });
const refusal: Suite1Form = { kind: 'refusal' };

/** Every problem that the server can answer with: the one table that codes, statuses and sentences come from. */
export const problems = {
  handshake_refused: { status: 400, title: 'The handshake was refused.', suite1: sentence('Error!', 404) },
  session_not_found: { status: 404, title: 'The session does not exist.', suite1: sentence('Session not found!', 404) },
  session_expired: {
    status: 410,
    title: 'The session was idle for too long.',
    suite1: sentence('Session timeout exceeded!', 408),
  },
  out_of_sync: { status: 409, title: 'The session has moved on from this step.', suite1: refusal },
  suite1_refused: {
    status: 403,
    title: 'This server speaks suite 2 only: a newer client is needed.',
    suite1: refusal,
  },

  malformed_request: { status: 400, title: 'The request cannot be read.', suite1: refusal },
  unanswered_requests: {
    status: 429,
    title: 'Too many requests of this session wait for their answers to be used.',
    suite1: refusal,
  },
  too_many_requests: { status: 429, title: 'Too many requests.', suite1: refusal },
  payload_too_large: { status: 413, title: 'The request is too large.', suite1: refusal },
  route_not_found: { status: 404, title: 'There is nothing at this address.', suite1: refusal },
  overloaded: { status: 503, title: 'The server is busy.', suite1: refusal },
  store_unavailable: { status: 503, title: 'The database cannot be reached or written.', suite1: refusal },
  internal_error: { status: 500, title: 'The server failed to answer.', suite1: refusal },

  not_authenticated: { status: 401, title: 'A login is needed.', suite1: answer('No authorization') },
  invalid_credentials: { status: 403, title: 'The password is wrong.', suite1: answer('Password is wrong') },
  account_locked: {
    status: 423,
    title: 'Too many wrong passwords: the account is locked.',
    suite1: answer('Account block. Change the password!', 202),
  },
  username_taken: { status: 409, title: 'The username is taken.', suite1: answer('Username is busy') },
  email_taken: { status: 409, title: 'The e-mail address is taken.', suite1: answer('Email is busy') },
  invalid_username: {
    status: 422,
    title: 'This cannot be a username.',
    suite1: answer('Username format not corrected'),
  },
  invalid_email: { status: 422, title: 'This is not an e-mail address.', suite1: answer('Email format not corrected') },
  password_refused: {
    status: 422,
    title: 'The password is too weak or too long.',
    suite1: answer('Password format not corrected'),
  },
  invalid_code: { status: 422, title: 'The recovery code is wrong.', suite1: answer('Invalid code') },
  no_recovery: { status: 409, title: 'No recovery is under way at this step.', suite1: answer('Invalid session') },

  suite2_required: {
    status: 403,
    title: 'This account is used with suite 2 only: a newer client is needed.',
    suite1: answer('This account needs a newer client'),
  },
  no_such_session: { status: 404, title: 'There is no such session.', suite1: answer('Session is not found') },

  user_not_found: { status: 404, title: 'There is no such user.', suite1: answer('User is not found') },
  message_too_large: { status: 413, title: 'The text is too large.', suite1: answer('Error server') },
  undecryptable_message: {
    status: 422,
    title: 'This is not a message for this user.',
    suite1: answer('No authorization'),
  },
} as const satisfies Record<string, ProblemRow>;

/** The stable code of a problem. */
export type ProblemCode = keyof typeof problems;

/**
 * Whether a problem is the answer to a request that was opened and executed, so that the session goes on with new keys.
 * Other problems are told in clear and leave the session as it was.
 */
export function isAnswer(problem: Problem): boolean {
  return problems[problem.code].suite1.kind === 'answer';
}

/** What a problem may carry beside its code. */
export interface ProblemOptions {
  /** What exactly is wrong, in words that hold nothing the sender did not send and no secret. */
  readonly detail?: string;
  /** Whole seconds after which the same request may succeed. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/**
 * A refusal with a stable code, thrown by the rules and turned into an answer in one place.
 *
 * @example
 * throw new Problem('username_taken');
 */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly detail: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(options.detail ?? problems[code].title, { cause: options.cause });
    this.name = 'Problem';
    this.code = code;
    this.detail = options.detail;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Where a server explains its problems. */
export const PROBLEMS_PATH = '/problems';

/** A problem as RFC 9457 has it, with the stable code that programs go by. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail?: string;
}

export function problemDetails({ code, detail }: Problem): ProblemDetails {
  const { status, title } = problems[code];
  return { type: `${PROBLEMS_PATH}#${code}`, title, status, code, ...(detail !== undefined && { detail }) };
}
