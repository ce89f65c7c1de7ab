// The rule for email addresses, and the form in which they are compared.
import { Problem } from '../../protocol/problems.ts';

/** RFC 5321, 4.5.3.1.3: a path has 256 octets, including two brackets. */
const MAX_EMAIL_LENGTH = 254;

/**
 * Maximum length in UTF-16 units before normalization; no decomposition of 254 bytes is longer. The limit is needed
 * because normalization takes quadratic time in the length of a run of combining characters.
 */
const MAX_RAW_LENGTH = 1024;

/** The rule of `<input type=email>`: https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address */
const BROWSER_EMAIL =
  /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;
/** The rule of the original VWS server: words of any script. */
const WORDS_EMAIL = /^[\p{L}\p{N}\p{M}_.-]+@[\p{L}\p{N}\p{M}_.-]+\.[\p{L}\p{N}\p{M}_]+$/u;

/** A valid address. */
export interface Email {
  /** Spelling to which mail is sent. */
  readonly email: string;
  /** Lower-case form for comparisons. */
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
 * Rejects text that no rule for addresses could have accepted: neither ours nor that of the original VWS
 * server, which has no length limit.
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

/** Returns the key for looking up an address, valid or not; empty if no account can have the address. */
export function foldEmail(text: string): string {
  const bare = text.trim();
  // PostgreSQL rejects NUL in text, even in a comparison.
  if (bare.length > MAX_RAW_LENGTH || bare.includes('\0')) return '';
  // Lower-casing can break the order of combining characters.
  return bare.normalize('NFC').toLowerCase().normalize('NFC');
}

/**
 * Returns the mailbox that an address delivers to, as the subject of limits for emails: `ada+tag@example.org` is delivered to
 * `ada@example.org` by most servers.
 *
 * @param emailKey result of {@link foldEmail}
 */
export function mailboxOf(emailKey: string): string {
  const at = emailKey.lastIndexOf('@');
  const tag = emailKey.indexOf('+');
  return tag > 0 && tag < at ? emailKey.slice(0, tag) + emailKey.slice(at) : emailKey;
}

/**
 * Returns the subject of limits for emails to the owner of an account. Addresses with a tag share one, so that accounts with many tags cannot flood a
 * mailbox; they do not use up that of the address without a tag, whose emails an attacker could silence otherwise.
 *
 * @param emailKey result of {@link foldEmail}
 */
export function noticeSubject(emailKey: string): string {
  const mailbox = mailboxOf(emailKey);
  return mailbox === emailKey ? emailKey : `${mailbox} with a tag`;
}

function tooLong(): Problem {
  return new Problem('invalid_email', { detail: 'The email address is too long.' });
}
