// Errors of suite 1: sentences and responses without keys.
import { type ProblemCode, problems } from '../../protocol/problems.ts';
import { VwsError, type VwsErrorCode } from '../error.ts';
import { isObject } from '../json.ts';
import { NoResponseError, RefusedError, type Reply } from '../suite.ts';

/** Sentences of the original server that are not in the table of problems. */
const OLD_SENTENCES: Readonly<Record<string, ProblemCode>> = { 'Email not found!': 'user_not_found' };

/** Codes of responses without keys, by status. */
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

/** @returns the code of a suite 1 sentence */
export function codeOf(sentence: unknown): ProblemCode | undefined {
  for (const [code, { suite1: form }] of Object.entries(problems)) {
    if (form.kind !== 'refusal' && form.sentence === sentence) return code as ProblemCode;
  }
  return typeof sentence === 'string' && Object.hasOwn(OLD_SENTENCES, sentence) ? OLD_SENTENCES[sentence] : undefined;
}

/**
 * Throws the error for a response without keys: the request was not executed, and the keys remain valid unless the session
 * has ended.
 *
 * @throws {NoResponseError} if the request should be resent
 * @throws {RefusedError} if the server will never accept it
 * @throws {VwsError} otherwise
 */
export function throwWithoutKeys({ status, json, retryAfter }: Reply): never {
  const explained = isObject(json) && typeof json.error === 'string' ? json.error : undefined;
  const known = codeOf(json);
  const isSuite2Only = status === 403 && explained === problems.suite2_only.title;
  const code = known ?? (isSuite2Only ? 'suite2_only' : CODES[status]) ?? 'bad_answer';
  const description = known ? problems[known].title : `Unexpected response: ${code}, HTTP status ${status}.`;
  const message = explained ?? description;
  const error = new VwsError(code, message, { status, retryAfter, detail: explained });
  // The original server lacks some endpoints. Its response to them contains no keys for the next request.
  if (status === 400 || status === 413 || isSuite2Only || code === 'route_not_found') throw new RefusedError(error);
  throw status === 429 || status >= 500 || status < 300 ? new NoResponseError(error) : error;
}
