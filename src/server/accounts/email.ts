import { Problem } from '../../protocol/problems.ts';

/** RFC 5321, 4.5.3.1.3: a path has 256 octets, two of them the brackets. */
const MAX_EMAIL_LENGTH = 254;

/**
 * The longest text that is looked at, in UTF-16 units: more than 254 bytes ever have, however they are decomposed.
 * Normalising takes the square of the length of a run of combining characters.
 */
const MAX_RAW_LENGTH = 1024;

/** What `<input type=email>` takes: https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address */
const BROWSER_EMAIL =
  /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;
/** What servers of the first kind take: words of any script. */
const WORDS_EMAIL = /^[\p{L}\p{N}\p{M}_.-]+@[\p{L}\p{N}\p{M}_.-]+\.[\p{L}\p{N}\p{M}_]+$/u;

/** An address that passed the rule. */
export interface Email {
  /** As mail is sent to it. */
  readonly email: string;
  /** As it is compared: lower-cased. */
  readonly emailKey: string;
}

/** @throws Problem `invalid_email` */
export function parseEmail(text: string): Email {
  const bare = text.trim();
  if (bare.length > MAX_RAW_LENGTH) throw tooLong();
  const email = bare.normalize('NFC');
  if (Buffer.byteLength(email) > MAX_EMAIL_LENGTH) throw tooLong();
  if (!hasEmailFormat(email)) throw new Problem('invalid_email');
  return { email, emailKey: foldEmail(email) };
}

/**
 * Refuses what no rule for addresses could have accepted, neither ours nor the original's, which has no limit of length.
 *
 * @throws Problem `invalid_email`
 */
export function checkEmailFormat(text: string): void {
  const bare = text.trim();
  const email = bare.length > MAX_RAW_LENGTH ? bare : bare.normalize('NFC');
  if (!hasEmailFormat(email)) throw new Problem('invalid_email');
}

function hasEmailFormat(email: string): boolean {
  return BROWSER_EMAIL.test(email) || WORDS_EMAIL.test(email);
}

/** The key that an address is looked up by, whether or not it passes the rule for new ones; empty if nobody can have it. */
export function foldEmail(text: string): string {
  const bare = text.trim();
  // PostgreSQL takes no NUL in a text, not even to compare.
  if (bare.length > MAX_RAW_LENGTH || bare.includes('\0')) return '';
  // Lower case can be out of order where upper case was not.
  return bare.normalize('NFC').toLowerCase().normalize('NFC');
}

function tooLong(): Problem {
  return new Problem('invalid_email', { detail: 'The e-mail address is too long.' });
}
