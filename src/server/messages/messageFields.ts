// Parses the fields of requests about token messages.
import { Problem } from '../../protocol/problems.ts';
import { BODY_OVERHEAD, parseLocator, sizeClass } from '../../protocol/tokenMessage.ts';
import type { ListPosition } from '../store/tokenMessages.ts';

const MIN_EXPIRY_SECONDS = 60;
const DAY_SECONDS = 24 * 60 * 60;
const MAX_OPENS = 1000;
/** Digits that a JavaScript number represents exactly. */
const WHOLE_NUMBER = /^[0-9]{1,15}$/;
const MESSAGE_ID = /^[0-9a-f]{32}$/;
/** Time (8) ‖ message id (16). */
const CURSOR_LENGTH = 24;

/** @throws Problem `malformed_request` */
export function readLocator(text: string): Uint8Array {
  const locator = parseLocator(text);
  if (!locator) throw malformed('The field locator is not base64url of 32 bytes.');
  return locator;
}

/**
 * Reads a body, whose length must be a size class.
 *
 * @param maxTextBytes longest text that it may contain
 * @throws Problem `message_too_large`, `malformed_request`
 */
export function readBody(text: string, maxTextBytes: number): Uint8Array {
  const body = Buffer.from(text, 'base64url');
  // Encoding again and comparing is faster than checking every character.
  if (body.toString('base64url') !== text) throw malformed('The field body is not canonical base64url.');
  if (body.length > sizeClass(maxTextBytes + BODY_OVERHEAD)) {
    throw new Problem('message_too_large', { detail: `The text has more than ${maxTextBytes} bytes.` });
  }
  if (sizeClass(body.length) !== body.length) throw malformed('The length of the field body is not a size class.');
  return body;
}

/**
 * Reads the seconds until the expiry of a message.
 *
 * @throws Problem `invalid_limits`, `malformed_request`
 */
export function readExpiry(text: string, { defaultDays, maxDays }: { defaultDays: number; maxDays: number }): number {
  if (text === '') return defaultDays * DAY_SECONDS;
  return readNumber('expires_in', text, MIN_EXPIRY_SECONDS, maxDays * DAY_SECONDS);
}

/**
 * Reads an open limit.
 *
 * @returns null for none
 * @throws Problem `invalid_limits`, `malformed_request`
 */
export function readMaxOpens(text: string): number | null {
  return text === '' ? null : readNumber('max_opens', text, 1, MAX_OPENS);
}

/** @throws Problem `malformed_request` */
export function readReceipt(text: string): boolean {
  if (text !== 'yes' && text !== 'no') throw malformed('The field receipt is not yes or no.');
  return text === 'yes';
}

/** @throws Problem `malformed_request` */
export function readMessageId(text: string): Uint8Array {
  if (!MESSAGE_ID.test(text)) throw malformed('The field message_id is not 32 hex digits in lower case.');
  return Buffer.from(text, 'hex');
}

/** @returns the opaque text of a position in a list */
export function formatCursor({ createdAt, messageId }: ListPosition): string {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(createdAt));
  return Buffer.concat([time, messageId]).toString('base64url');
}

/**
 * Reads a position in a list.
 *
 * @returns undefined for the start
 * @throws Problem `malformed_request`
 */
export function readCursor(text: string): ListPosition | undefined {
  if (text === '') return undefined;
  const bytes = Buffer.from(text, 'base64url');
  const createdAt = bytes.length === CURSOR_LENGTH ? Number(bytes.readBigUInt64BE()) : Number.NaN;
  if (!Number.isSafeInteger(createdAt) || bytes.toString('base64url') !== text) {
    throw malformed('The field cursor is not one of a previous response.');
  }
  return { createdAt, messageId: bytes.subarray(8) };
}

function readNumber(name: string, text: string, min: number, max: number): number {
  if (!WHOLE_NUMBER.test(text)) throw malformed(`The field ${name} is not a whole number.`);
  const number = Number(text);
  if (number < min || number > max) {
    throw new Problem('invalid_limits', { detail: `The field ${name} must be from ${min} to ${max}.` });
  }
  return number;
}

function malformed(detail: string): Problem {
  return new Problem('malformed_request', { detail });
}
