import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';
import { Problem, type ProblemCode, type ProblemOptions, problems } from '../../protocol/errors.ts';
import { replyWithProblem } from './problemReply.ts';

async function answerTo(code: ProblemCode, options?: ProblemOptions) {
  const app = fastify();
  app.get('/', (_request, reply) => replyWithProblem(reply, new Problem(code, options)));
  const { statusCode, headers, body } = await app.inject('/');
  await app.close();
  assert.equal(headers['content-type'], 'application/json');
  return { status: statusCode, retryAfter: headers['retry-after'], body: JSON.parse(body) as unknown };
}

test('what ends a session, or never opened one, is a sentence that existing clients know', async () => {
  const sentences = {
    handshake_refused: [404, 'Error!'],
    session_not_found: [404, 'Session not found!'],
    session_expired: [408, 'Session timeout exceeded!'],
  } as const;
  for (const [code, [status, body]] of Object.entries(sentences)) {
    assert.deepEqual(await answerTo(code as ProblemCode), { status, retryAfter: undefined, body }, code);
  }
});

test('every other problem has its status and says in clear what is wrong', async () => {
  const statuses: Partial<Record<ProblemCode, number>> = {
    malformed_request: 400,
    unanswered_requests: 429,
    too_many_requests: 429,
    payload_too_large: 413,
    route_not_found: 404,
    overloaded: 503,
    store_unavailable: 503,
    internal_error: 500,
  };
  for (const [code, { suite1, title }] of Object.entries(problems)) {
    if (suite1.kind !== 'refusal') continue;
    const expected = { status: statuses[code as ProblemCode], retryAfter: undefined, body: { error: title } };
    assert.deepEqual(await answerTo(code as ProblemCode), expected, code);
  }
});

test('a problem tells what it knows more closely, and when to come back', async () => {
  const { retryAfter, body } = await answerTo('too_many_requests', {
    detail: 'Too many logins.',
    retryAfterSeconds: 17,
    cause: new Error('secret'),
  });
  assert.equal(retryAfter, '17');
  assert.deepEqual(body, { error: 'Too many logins.' });
});
