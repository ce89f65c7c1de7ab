// The table of problems: codes, statuses and sentences of suite 1.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSealedResponse, PROBLEMS_PATH, Problem, type ProblemCode, problemDetails, problems } from './problems.ts';

const codes = Object.keys(problems) as ProblemCode[];

test('suite 1 uses only the statuses and sentences that existing clients know', () => {
  const known = [
    '201 Email format not corrected',
    '201 Email is busy',
    '201 Error server',
    '201 Invalid code',
    '201 Invalid session',
    '201 No authorization',
    '201 Password format not corrected',
    '201 Password is wrong',
    // Only with VWS_REGISTRATION.
    '201 Registration is closed',
    // Of an endpoint that existing clients do not call.
    '201 Session is not found',
    // Clients show it; the account is used with a newer one.
    '201 This account needs a newer client',
    '201 User is not found',
    // The original takes any username; clients show whatever sentence comes with 201.
    '201 Username format not corrected',
    '201 Username is busy',
    '201 Username was changed too often',
    '202 Account block. Change the password!',
    '404 Error!',
    '404 Session not found!',
    '408 Session timeout exceeded!',
  ];
  const said = codes.flatMap((code) => {
    const { suite1 } = problems[code];
    return suite1.kind === 'refusal' ? [] : [`${suite1.status} ${suite1.sentence}`];
  });
  assert.deepEqual([...new Set(said)].sort(), known);
});

test('a refusal has a status that existing clients treat as a server error', () => {
  for (const code of codes) {
    const { status, suite1 }: { status: number; suite1: { kind: string } } = problems[code];
    assert.ok(status >= 400 && status < 600, code);
    // They know 404 and 408 as the end of the session.
    if (suite1.kind === 'refusal' && code !== 'route_not_found') assert.ok(status !== 404 && status !== 408, code);
  }
});

test('a problem is a response inside the session exactly if the session continues with new keys', () => {
  for (const code of codes) {
    assert.equal(isSealedResponse(new Problem(code)), problems[code].suite1.kind === 'response', code);
  }
  assert.ok(isSealedResponse(new Problem('invalid_credentials')));
  for (const code of ['session_not_found', 'malformed_request', 'overloaded', 'internal_error'] as const) {
    assert.ok(!isSealedResponse(new Problem(code)), code);
  }
});

test('the message of a problem is its detail, or its title without one', () => {
  assert.equal(new Problem('user_not_found').message, 'User not found.');
  const problem = new Problem('overloaded', { detail: 'Come back.', retryAfterSeconds: 2, cause: 'a full queue' });
  const { message, code, detail, retryAfterSeconds, cause } = problem;
  assert.deepEqual(
    { message, code, detail, retryAfterSeconds, cause },
    { message: 'Come back.', code: 'overloaded', detail: 'Come back.', retryAfterSeconds: 2, cause: 'a full queue' },
  );
});

test('problem details have the code and the members of RFC 9457, and nothing else', () => {
  assert.deepEqual(problemDetails(new Problem('username_taken', { cause: 'secret', retryAfterSeconds: 1 })), {
    type: '/problems#username_taken',
    title: 'Username already taken.',
    status: 409,
    code: 'username_taken',
  });
  for (const code of codes) {
    const { status, title } = problems[code];
    const details = { type: `${PROBLEMS_PATH}#${code}`, title, status, code, detail: 'more closely' };
    assert.deepEqual(problemDetails(new Problem(code, { detail: 'more closely' })), details);
  }
});

test('codes and their statuses are stable', () => {
  const statuses = Object.fromEntries(codes.map((code) => [code, problems[code].status]));
  assert.deepEqual(statuses, {
    handshake_refused: 400,
    session_not_found: 404,
    session_expired: 410,
    out_of_sync: 409,
    suite1_refused: 403,
    suite2_only: 403,
    origin_refused: 403,
    malformed_request: 400,
    unanswered_requests: 429,
    too_many_requests: 429,
    payload_too_large: 413,
    renamed_too_often: 429,
    route_not_found: 404,
    overloaded: 503,
    store_unavailable: 503,
    internal_error: 500,
    not_authenticated: 401,
    invalid_credentials: 403,
    account_locked: 423,
    registration_closed: 403,
    invite_required: 403,
    username_taken: 409,
    email_taken: 409,
    invalid_username: 422,
    invalid_email: 422,
    password_refused: 422,
    invalid_code: 422,
    no_recovery: 409,
    suite2_required: 403,
    no_such_session: 404,
    user_not_found: 404,
    message_too_large: 413,
    undecryptable_message: 422,
    username_mismatch: 422,
    no_registration: 409,
    no_email_change: 409,
    invalid_value: 422,
    message_not_found: 404,
    message_expired: 410,
    message_revoked: 410,
    message_used_up: 410,
    message_finished: 410,
    message_ended: 409,
    duplicate_locator: 409,
    invalid_limits: 422,
    quota_exceeded: 403,
    storage_full: 507,
  });
});
