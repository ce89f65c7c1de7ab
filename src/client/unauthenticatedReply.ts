// Replies that are not authenticated by the session: errors of the server, of proxies, or of an attacker.
import type { ProblemCode } from '../protocol/problems.ts';
import { VwsError, type VwsErrorCode } from './error.ts';
import { isObject } from './json.ts';
import { NoResponseError, RefusedError, type Reply } from './suite.ts';

/** Codes that a server may report outside a session. Others are not trusted there. */
const UNAUTHENTICATED_CODES: readonly ProblemCode[] = [
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

const RETRIED_STATUSES = [429, 500, 502, 503, 504];
const TOO_LARGE = 413;
/** Every server accepts shorter bodies: 413 for one is an attempt to make the client drop the request. */
const ALWAYS_ACCEPTED_BYTES = 64 * 1024;

/**
 * Throws the error for a reply that is not authenticated. An attacker on the network path may have written it, so the
 * error contains only a known code and the status.
 *
 * @param requestSize length of the request's body in bytes
 * @throws {NoResponseError} if the request should be resent
 * @throws {RefusedError} if the request is too large for the server
 * @throws {VwsError} otherwise
 */
export function throwUnauthenticated({ status, json, retryAfter }: Reply, requestSize = 0): never {
  const known = UNAUTHENTICATED_CODES.find((code) => isObject(json) && json.code === code);
  const code: VwsErrorCode = known ?? (status === TOO_LARGE ? 'payload_too_large' : 'bad_answer');
  const warning = code === 'out_of_sync' ? ' A copy of this session may have been used elsewhere.' : '';
  const description = known ? `Unauthenticated error of the server: ${code}` : 'Unexpected response';
  const message = `${description}, HTTP status ${status}.${warning}`;
  const error = new VwsError(code, message, { status, retryAfter });
  if (status === TOO_LARGE && requestSize > ALWAYS_ACCEPTED_BYTES) throw new RefusedError(error);
  throw RETRIED_STATUSES.includes(status) || status < 300 ? new NoResponseError(error) : error;
}
