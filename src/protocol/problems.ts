// The table of problems: stable codes, HTTP statuses and titles, with the form that each takes in suite 1.

/** Representation of a problem on the wire of suite 1. */
export type Suite1Form =
  /** A response inside the session: new keys and an unencrypted `error` sentence. */
  | { readonly kind: 'response'; readonly status: 201 | 202; readonly sentence: string }
  /** A bare JSON string. */
  | { readonly kind: 'sentence'; readonly status: 404 | 408; readonly sentence: string }
  /** `{"error": …}` without keys: nothing was executed and the session is unchanged. */
  | { readonly kind: 'refusal' };

interface ProblemRow {
  /** HTTP status (RFC 9110), as suite 2 sends it. */
  readonly status: number;
  readonly title: string;
  readonly suite1: Suite1Form;
}

const response = (sentence: string, status: 201 | 202 = 201): Suite1Form => ({ kind: 'response', status, sentence });
const sentence = (text: string, status: 404 | 408): Suite1Form => ({ kind: 'sentence', status, sentence: text });
const refusal: Suite1Form = { kind: 'refusal' };

/** Every problem that the server can respond with: the only source of codes, statuses and sentences. */
export const problems = {
  handshake_refused: { status: 400, title: 'Handshake refused.', suite1: sentence('Error!', 404) },
  session_not_found: { status: 404, title: 'Session not found.', suite1: sentence('Session not found!', 404) },
  session_expired: {
    status: 410,
    title: 'Session expired after its idle timeout.',
    suite1: sentence('Session timeout exceeded!', 408),
  },
  out_of_sync: { status: 409, title: 'Session out of sync: it is at another step.', suite1: refusal },
  suite1_refused: {
    status: 403,
    title: 'This server requires suite 2: use a newer client.',
    suite1: refusal,
  },
  suite2_only: { status: 403, title: 'This endpoint requires suite 2.', suite1: refusal },

  origin_refused: {
    status: 403,
    title: 'Pages of this origin must not call the server.',
    suite1: refusal,
  },
  malformed_request: { status: 400, title: 'Malformed request.', suite1: refusal },
  unanswered_requests: {
    status: 429,
    title: 'Too many unused responses in this session.',
    suite1: refusal,
  },
  too_many_requests: { status: 429, title: 'Too many requests.', suite1: refusal },
  payload_too_large: { status: 413, title: 'Request body too large.', suite1: refusal },
  route_not_found: { status: 404, title: 'Not found.', suite1: refusal },
  overloaded: { status: 503, title: 'Server overloaded.', suite1: refusal },
  store_unavailable: { status: 503, title: 'Database unavailable.', suite1: refusal },
  internal_error: { status: 500, title: 'Internal server error.', suite1: refusal },

  not_authenticated: { status: 401, title: 'Authentication required.', suite1: response('No authorization') },
  invalid_credentials: { status: 403, title: 'Incorrect password.', suite1: response('Password is wrong') },
  account_locked: {
    status: 423,
    title: 'Too many incorrect passwords: account locked.',
    suite1: response('Account block. Change the password!', 202),
  },
  registration_closed: { status: 403, title: 'Registration is closed.', suite1: response('Registration is closed') },
  invite_required: {
    status: 403,
    title: 'Registration requires an unused invite.',
    suite1: response('Registration is closed'),
  },
  username_taken: { status: 409, title: 'Username already taken.', suite1: response('Username is busy') },
  renamed_too_often: {
    status: 429,
    title: 'Username changed too often.',
    suite1: response('Username was changed too often'),
  },
  email_taken: { status: 409, title: 'Email address already in use.', suite1: response('Email is busy') },
  invalid_username: {
    status: 422,
    title: 'Invalid username.',
    suite1: response('Username format not corrected'),
  },
  invalid_email: { status: 422, title: 'Invalid email address.', suite1: response('Email format not corrected') },
  password_refused: {
    status: 422,
    title: 'Password too weak or too long.',
    suite1: response('Password format not corrected'),
  },
  invalid_code: { status: 422, title: 'Invalid code.', suite1: response('Invalid code') },
  no_recovery: { status: 409, title: 'No account recovery in progress.', suite1: response('Invalid session') },

  suite2_required: {
    status: 403,
    title: 'This account requires suite 2: use a newer client.',
    suite1: response('This account needs a newer client'),
  },
  no_such_session: { status: 404, title: 'No such session.', suite1: response('Session is not found') },

  user_not_found: { status: 404, title: 'User not found.', suite1: response('User is not found') },
  message_too_large: { status: 413, title: 'Text too long.', suite1: response('Error server') },
  undecryptable_message: {
    status: 422,
    title: 'Not a message for this user.',
    suite1: response('No authorization'),
  },

  // Only endpoints of suite 2 respond with these; the sentences complete the table.
  username_mismatch: {
    status: 422,
    title: 'The username is not the one of the account.',
    suite1: response('Username format not corrected'),
  },
  no_registration: {
    status: 409,
    title: 'No registration in progress.',
    suite1: response('Invalid session'),
  },
  no_email_change: {
    status: 409,
    title: 'No change of the email address in progress.',
    suite1: response('Invalid session'),
  },
  invalid_value: { status: 422, title: 'Invalid value of a field.', suite1: response('Error server') },
  message_not_found: { status: 404, title: 'Message not found.', suite1: response('Error server') },
  message_expired: { status: 410, title: 'The message has expired.', suite1: response('Error server') },
  message_revoked: { status: 410, title: 'The sender revoked the message.', suite1: response('Error server') },
  message_used_up: {
    status: 410,
    title: 'The message was already opened the maximum number of times.',
    suite1: response('Error server'),
  },
  message_finished: { status: 410, title: 'The recipient ended the message.', suite1: response('Error server') },
  message_ended: { status: 409, title: 'The message has already ended.', suite1: response('Error server') },
  duplicate_locator: { status: 409, title: 'A message with this locator exists.', suite1: response('Error server') },
  invalid_limits: { status: 422, title: 'Invalid expiry or open limit.', suite1: response('Error server') },
  quota_exceeded: { status: 403, title: 'Message quota exceeded.', suite1: response('Error server') },
  storage_full: {
    status: 507,
    title: 'The server accepts no more messages at the moment.',
    suite1: response('Error server'),
  },
} as const satisfies Record<string, ProblemRow>;

/** The stable code of a problem. */
export type ProblemCode = keyof typeof problems;

/**
 * Reports whether a problem is a response inside the session: the request was decrypted and executed, and the session
 * continues with new keys. Other problems are sent unencrypted and leave the session unchanged.
 */
export function isSealedResponse(problem: Problem): boolean {
  return problems[problem.code].suite1.kind === 'response';
}

/** Optional parts of a problem. */
export interface ProblemOptions {
  /** The exact cause. Contains no secret and nothing that the sender does not know already. */
  readonly detail?: string;
  /** Whole seconds after which the same request can succeed. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/**
 * An error with a stable code, thrown by domain modules and converted into a response in one place.
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

/** Path at which a server lists its problems. */
export const PROBLEMS_PATH = '/problems';

/** Problem details (RFC 9457) with the stable code that programs compare. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail?: string;
}

/** Converts a problem to its wire form in suite 2. */
export function problemDetails({ code, detail }: Problem): ProblemDetails {
  const { status, title } = problems[code];
  return { type: `${PROBLEMS_PATH}#${code}`, title, status, code, ...(detail !== undefined && { detail }) };
}
