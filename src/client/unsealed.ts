import type { ProblemCode } from '../protocol/errors.ts';
import { VwsError, type VwsErrorCode } from './error.ts';
import { Refused, type Reply, Unanswered } from './suite.ts';

/** What a server may say outside a session; any other code from there is nobody's. */
const UNSEALED: readonly ProblemCode[] = [
  'handshake_refused',
  'session_not_found',
  'session_expired',
  'out_of_sync',
  'malformed_request',
  'unanswered_requests',
  'too_many_requests',
  'payload_too_large',
  'route_not_found',
  'overloaded',
  'store_unavailable',
  'internal_error',
];

const SENT_AGAIN = [429, 500, 502, 503, 504];
const TOO_LARGE = 413;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Throws what a reply without an authentic answer comes to. Anybody on the way may have made it, so nothing of it but a
 * known code and the status gets into the error.
 *
 * @throws {Unanswered} if the request is to be sent again
 * @throws {Refused} if it is too large to be ever taken
 * @throws {VwsError} for all else
 */
export function throwUnsealed({ status, json, retryAfter }: Reply): never {
  const known = UNSEALED.find((code) => isObject(json) && json.code === code);
  const code: VwsErrorCode = known ?? (status === TOO_LARGE ? 'payload_too_large' : 'bad_answer');
  const warning = code === 'out_of_sync' ? ' A copy of this session may have been used elsewhere.' : '';
  const message = `The server did not answer the request: ${code}, HTTP status ${status}.${warning}`;
  const error = new VwsError(code, message, { status, retryAfter });
  if (status === TOO_LARGE) throw new Refused(error);
  throw SENT_AGAIN.includes(status) || status < 300 ? new Unanswered(error) : error;
}
