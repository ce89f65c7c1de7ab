import { Problem } from '../../protocol/errors.ts';

/** RFC 5321, 4.5.3.1.3: a path has 256 octets, two of them the brackets. */
export const MAX_EMAIL_LENGTH = 254;

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
  const email = text.trim().normalize('NFC');
  if (Buffer.byteLength(email) > MAX_EMAIL_LENGTH)
    throw new Problem('invalid_email', { detail: 'The e-mail address is too long.' });
  if (!BROWSER_EMAIL.test(email) && !WORDS_EMAIL.test(email)) throw new Problem('invalid_email');
  return { email, emailKey: foldEmail(email) };
}

/** The key that an address is looked up by, whether or not it passes the rule for new ones. */
export function foldEmail(text: string): string {
  // Lower case can be out of order where upper case was not.
  return text.trim().normalize('NFC').toLowerCase().normalize('NFC');
}
