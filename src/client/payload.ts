// Distinguishes tokens from messages, with the errors of the SDK.
import type { Bytes } from '../protocol/bytes.ts';
import { decodeToken, type Payload, readPayload, type Token } from '../protocol/tokenMessage.ts';
import { VwsError } from './error.ts';

export type { Payload };

/**
 * Returns the 16 bytes of a token, for example to hide them in a video.
 *
 * @param token 22 characters of base64url, or 16 bytes
 * @throws {VwsError} `invalid_payload`
 * @example
 * const { token } = await vws.send('bob', 'Meet me at noon.');
 * hide(tokenBytes(token));
 */
export function tokenBytes(token: Token): Bytes {
  const bytes = decodeToken(token);
  if (!bytes) throw new VwsError('invalid_payload', 'The token is not valid: 22 characters or 16 bytes are expected.');
  return bytes;
}

/**
 * Reads what was found in a video or pasted by a user: a token for `open`, or a message for `decrypt`.
 *
 * @param payload a text, in which whitespace is ignored, or bytes
 * @throws {VwsError} `invalid_payload`: it is damaged
 * @example
 * const payload = parsePayload(found);
 * if (payload.kind === 'token') await vws.open(payload.token);
 * else await vws.decrypt(payload.message);
 */
export function parsePayload(payload: string | Uint8Array): Payload {
  const found = readPayload(payload);
  if (!found) throw new VwsError('invalid_payload', 'This is neither a token nor a message, or it is damaged.');
  return found;
}
