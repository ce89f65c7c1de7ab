// The result of sending a token message.
import { type Fields, textOf, timeOf } from './fields.ts';

/** A message that was sent. */
export interface SentMessage {
  /** 22 characters of base64url. With the login of the recipient, it opens the message: do not show it to others. */
  readonly token: string;
  /** Identifies the message in `listSent`, and is the argument of `revoke` and `extend`. */
  readonly id: string;
  readonly expiresAt: Date;
}

/** Converts the fields of a `send`, with its token. */
export function sentMessage(fields: Fields): SentMessage {
  return { token: textOf(fields, 'token'), id: textOf(fields, 'message_id'), expiresAt: timeOf(fields, 'expires_at') };
}
