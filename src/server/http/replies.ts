// Sends JSON and unencrypted problems.
import type { FastifyReply } from 'fastify';
import { type Problem, problemDetails, problems } from '../../protocol/problems.ts';
import { SUITE2 } from '../../protocol/suite2.ts';

/** Sends a problem that leaves the session unchanged, in the form of the request's suite. */
export function replyWithProblem(reply: FastifyReply, problem: Problem, suite: number): FastifyReply {
  const { status, title, suite1 } = problems[problem.code];
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds);
  if (suite === SUITE2) {
    const details = Buffer.from(JSON.stringify(problemDetails(problem)));
    return reply.code(status).header('content-type', 'application/problem+json').send(details);
  }
  if (suite1.kind === 'sentence') return replyWithJson(reply, suite1.status, JSON.stringify(suite1.sentence));
  return replyWithJson(reply, status, JSON.stringify({ error: problem.detail ?? title }));
}

/** @param json JSON text, or its bytes if they are sent many times */
export function replyWithJson(reply: FastifyReply, status: number, json: string | Buffer): FastifyReply {
  return reply
    .code(status)
    .header('content-type', 'application/json')
    .send(typeof json === 'string' ? Buffer.from(json) : json);
}
