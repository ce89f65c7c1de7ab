import { type ProblemCode, problems } from '../../protocol/problems.ts';
import { VwsError, type VwsErrorCode } from '../error.ts';
import { isObject } from '../json.ts';
import { Refused, type Reply, Unanswered } from '../suite.ts';

/** What the original server says beside the sentences of the table. */
const OLD_SENTENCES: Readonly<Record<string, ProblemCode>> = { 'Email not found!': 'user_not_found' };

/** Codes of the answers without keys, by status. */
const CODES: Readonly<Record<number, VwsErrorCode>> = {
  400: 'malformed_request',
  403: 'suite1_refused',
  404: 'route_not_found',
  405: 'route_not_found',
  413: 'payload_too_large',
  429: 'too_many_requests',
  500: 'internal_error',
  502: 'overloaded',
  503: 'overloaded',
  504: 'overloaded',
};

/** The code that a sentence of suite 1 stands for. */
export function codeOf(sentence: unknown): ProblemCode | undefined {
  for (const [code, { suite1: form }] of Object.entries(problems)) {
    if (form.kind !== 'refusal' && form.sentence === sentence) return code as ProblemCode;
  }
  return typeof sentence === 'string' && Object.hasOwn(OLD_SENTENCES, sentence) ? OLD_SENTENCES[sentence] : undefined;
}

/**
 * Throws what an answer without keys comes to: nothing was executed, and the keys stay good, unless the session is gone.
 *
 * @throws {Unanswered} if the request is to be sent again
 * @throws {Refused} if the server will never take it
 * @throws {VwsError} for all else
 */
export function throwWithoutKeys({ status, json, retryAfter }: Reply): never {
  const explained = isObject(json) && typeof json.error === 'string' ? json.error : undefined;
  const known = codeOf(json);
  const code = known ?? CODES[status] ?? 'bad_answer';
  const said = known ? problems[known].title : `The server did not answer the request: ${code}, HTTP status ${status}.`;
  const message = explained ?? said;
  const error = new VwsError(code, message, { status, retryAfter, detail: explained });
  // The original server lacks some endpoints; nothing there tells how a session goes on.
  if (status === 400 || status === 413 || code === 'route_not_found') throw new Refused(error);
  throw status === 429 || status >= 500 || status < 300 ? new Unanswered(error) : error;
}
