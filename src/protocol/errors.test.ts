import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAnswer, Problem, type ProblemCode, problems } from './errors.ts';

const codes = Object.keys(problems) as ProblemCode[];

test('existing clients meet the statuses and sentences that they know, and no others', () => {
  const known = [
    '201 Email format not corrected',
    '201 Email is busy',
    '201 Error server',
    '201 Invalid code',
    '201 Invalid session',
    '201 No authorization',
    '201 Password format not corrected',
    '201 Password is wrong',
    '201 User is not found',
    // The original takes any username; clients show whatever sentence comes with 201.
    '201 Username format not corrected',
    '201 Username is busy',
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

test('a refusal has a status that existing clients take for a fault of the server', () => {
  for (const code of codes) {
    const { status, suite1 }: { status: number; suite1: { kind: string } } = problems[code];
    assert.ok(status >= 400 && status < 600, code);
    // They know 404 and 408 as the end of the session.
    if (suite1.kind === 'refusal' && code !== 'route_not_found') assert.ok(status !== 404 && status !== 408, code);
  }
});

test('a problem is an answer exactly if the session goes on with new keys', () => {
  for (const code of codes) {
    assert.equal(isAnswer(new Problem(code)), problems[code].suite1.kind === 'answer', code);
  }
  assert.ok(isAnswer(new Problem('invalid_credentials')));
  for (const code of ['session_not_found', 'malformed_request', 'overloaded', 'internal_error'] as const) {
    assert.ok(!isAnswer(new Problem(code)), code);
  }
});

test('a problem says its detail, or else its title', () => {
  assert.equal(new Problem('user_not_found').message, 'There is no such user.');
  const problem = new Problem('overloaded', { detail: 'Come back.', retryAfterSeconds: 2, cause: 'a full queue' });
  const { message, code, detail, retryAfterSeconds, cause } = problem;
  assert.deepEqual(
    { message, code, detail, retryAfterSeconds, cause },
    { message: 'Come back.', code: 'overloaded', detail: 'Come back.', retryAfterSeconds: 2, cause: 'a full queue' },
  );
});
