// The form in which the server stores the body of a token message.
import { openAead, sealAead } from '../crypto/aead.ts';

/*
 *   sealed body = AEAD(message key of the recipient, body, "vws stored body " ‖ message id (16) ‖ recipient's id (16) ‖ locator (32))
 *
 * The body is encrypted already, under a key that the server does not have. Sealed again, a thief of the database needs the
 * master key even to get the body, and rows cannot be exchanged.
 */

/** The row that a body belongs to. */
export interface BodyOwner {
  /** 16 bytes. */
  readonly message_id: Uint8Array;
  /** 16 bytes. */
  readonly recipient_id: Uint8Array;
  /** 32 bytes. */
  readonly locator: Uint8Array;
}

/** @param key the recipient's message key, 32 bytes */
export function sealBody(key: Uint8Array, owner: BodyOwner, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return sealAead(key, body, contextOf(owner));
}

/** @throws Error if the row was altered or belongs to another master key */
export function openBody(key: Uint8Array, owner: BodyOwner, sealed: Uint8Array): Uint8Array<ArrayBuffer> {
  const body = openAead(key, sealed, contextOf(owner));
  if (!body) throw new Error('a stored message does not open: the database was altered or damaged');
  return body;
}

function contextOf({ message_id, recipient_id, locator }: BodyOwner): Uint8Array {
  return Buffer.concat([Buffer.from('vws stored body '), message_id, recipient_id, locator]);
}
