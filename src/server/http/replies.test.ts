// Unencrypted problems in the forms of both suites.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';
import { Problem, type ProblemCode, type ProblemOptions, problems } from '../../protocol/problems.ts';
import { replyWithProblem } from './replies.ts';

async function answerTo(code: ProblemCode, options?: ProblemOptions, suite = 1) {
  const app = fastify();
  app.get('/', (_request, reply) => replyWithProblem(reply, new Problem(code, options), suite));
  const { statusCode, headers, body } = await app.inject('/');
  await app.close();
  assert.equal(headers['content-type'], suite === 1 ? 'application/json' : 'application/problem+json');
  return { status: statusCode, retryAfter: headers['retry-after'], body: JSON.parse(body) as unknown };
}

test('suite 1: problems of the session itself are the sentences of existing clients', async () => {
  const sentences = {
    handshake_refused: [404, 'Error!'],
    session_not_found: [404, 'Session not found!'],
    session_expired: [408, 'Session timeout exceeded!'],
  } as const;
  for (const [code, [status, body]] of Object.entries(sentences)) {
    assert.deepEqual(await answerTo(code as ProblemCode), { status, retryAfter: undefined, body }, code);
  }
});

test('suite 1: other problems have their status and an error text', async () => {
  for (const [code, { status, suite1, title }] of Object.entries(problems)) {
    if (suite1.kind !== 'refusal') continue;
    const expected = { status, retryAfter: undefined, body: { error: title } };
    assert.deepEqual(await answerTo(code as ProblemCode), expected, code);
  }
});

test('suite 1: detail and Retry-After are reported, the cause is not', async () => {
  const { retryAfter, body } = await answerTo('too_many_requests', {
    detail: 'Too many logins.',
    retryAfterSeconds: 17,
    cause: new Error('secret'),
  });
  assert.equal(retryAfter, '17');
  assert.deepEqual(body, { error: 'Too many logins.' });
});

test('suite 2: every problem is reported as RFC 9457 problem details', async () => {
  for (const [code, { status, title }] of Object.entries(problems)) {
    const body = { type: `/problems#${code}`, title, status, code };
    assert.deepEqual(await answerTo(code as ProblemCode, {}, 2), { status, retryAfter: undefined, body }, code);
  }
  const known = { detail: 'The name is missing.', retryAfterSeconds: 17, cause: new Error('secret') };
  const { retryAfter, body } = await answerTo('overloaded', known, 2);
  assert.equal(retryAfter, '17');
  const { status, title } = problems.overloaded;
  assert.deepEqual(body, {
    ...{ type: '/problems#overloaded', title, status, code: 'overloaded', detail: 'The name is missing.' },
  });
});
