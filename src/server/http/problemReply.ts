import type { FastifyReply } from 'fastify';
import { type Problem, problems } from '../../protocol/errors.ts';

/** Answers with a problem that leaves the session as it was, in the words of suite 1. */
export function replyWithProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const { status, title, suite1 } = problems[problem.code];
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds);
  if (suite1.kind === 'sentence') return replyWithJson(reply, suite1.status, JSON.stringify(suite1.sentence));
  return replyWithJson(reply, status, JSON.stringify({ error: problem.detail ?? title }));
}

/** @param json JSON text */
export function replyWithJson(reply: FastifyReply, status: number, json: string): FastifyReply {
  return reply.code(status).header('content-type', 'application/json').send(Buffer.from(json));
}
