// Describes the sender of a message in a line that no username can imitate.
import type { DecryptedMessage } from '../../client/index.ts';
import { formatTime } from './formatTime.ts';

/** Quotation marks, primes and what looks like them. A single apostrophe is part of names. */
const QUOTE =
  /["\\]|(?!['\u2019])\p{Quotation_Mark}|[\u02ba\u02dd\u02ee\u02f6\u05f4\u2033\u2034\u2036\u2037\u2057]|(?<=['\u2019])['\u2019]/gu;
const FIRST_BEYOND_ASCII = 0x80;

type Names = Pick<DecryptedMessage, 'sender' | 'senderNow'>;

/**
 * Returns the time of sending, the name at that time and, if it differs, the current one. The time comes first, and words of Latin
 * letters surround the names, so that names in right-to-left scripts do not change the order.
 */
export function senderLine(names: Names, sentAt: Date): string {
  return `${formatTime(sentAt)} UTC, from ${describeSender(names)}:`;
}

/** Returns the quoted name at the time of sending and, if it differs, the current one. */
export function describeSender({ sender, senderNow }: Names): string {
  if (sender === null) return 'a deleted user';
  return senderNow === null || senderNow === sender ? quote(sender) : `${quote(sender)} (now ${quote(senderNow)})`;
}

function quote(name: string): string {
  const escaped = name.replace(QUOTE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < FIRST_BEYOND_ASCII ? `\\${character}` : `\\u{${code.toString(16)}}`;
  });
  return `"${escaped}"`;
}
