import type { ProblemCode } from '../protocol/problems.ts';
import { VwsError, type VwsErrorCode } from './error.ts';
import { isObject } from './json.ts';
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
/** No server refuses a body that is shorter, in bytes: whoever says so would only have the request given up. */
const NEVER_TOO_LARGE = 64 * 1024;

/**
 * Throws what a reply without an authentic answer comes to. Anybody on the way may have made it, so nothing of it but a
 * known code and the status gets into the error.
 *
 * @param requestSize bytes of the request's body
 * @throws {Unanswered} if the request is to be sent again
 * @throws {Refused} if it is too large to be ever taken
 * @throws {VwsError} for all else
 */
export function throwUnauthenticated({ status, json, retryAfter }: Reply, requestSize = 0): never {
  const known = UNSEALED.find((code) => isObject(json) && json.code === code);
  const code: VwsErrorCode = known ?? (status === TOO_LARGE ? 'payload_too_large' : 'bad_answer');
  const warning = code === 'out_of_sync' ? ' A copy of this session may have been used elsewhere.' : '';
  const said = known ? `The server says, outside the session: ${code}` : 'What came is no answer of the server';
  const message = `${said}, HTTP status ${status}.${warning}`;
  const error = new VwsError(code, message, { status, retryAfter });
  if (status === TOO_LARGE && requestSize > NEVER_TOO_LARGE) throw new Refused(error);
  throw SENT_AGAIN.includes(status) || status < 300 ? new Unanswered(error) : error;
}
