// The rule for passwords, and the form in which they are hashed.
import { dictionary } from '@zxcvbn-ts/language-common';
import { Problem } from '../../protocol/problems.ts';
import { SUITE2 } from '../../protocol/suite2.ts';

/** Length limits of a passphrase, in NFKC code points. */
const MIN_PASSPHRASE_LENGTH = 12;
const MAX_PASSPHRASE_LENGTH = 256;
/**
 * Maximum length in UTF-16 units before normalization; no decomposition of 256 characters is longer. The limit is
 * needed because normalization takes quadratic time in the length of a run of combining characters.
 */
const MAX_RAW_LENGTH = 4096;
/** Minimum number of characters of a passphrase in addition to the user's own name and address. */
const MIN_LENGTH_BESIDE_IDENTITY = 6;
/** Shorter parts of a name or address are ignored, because they occur in many good passphrases. */
const MIN_IDENTITY_LENGTH = 3;

/**
 * The rule of the original VWS server: 8 or more of `A-Za-z0-9@$!%*?&_` with a lower-case letter, an
 * upper-case letter, a digit and a sign. Digits of any script and a final newline are accepted, because accounts with such
 * passwords exist.
 */
const CLASSIC = /^(?=.*[a-z])(?=.*[A-Z])(?=.*\p{Nd})(?=.*[@$!%*?&_])[A-Za-z\p{Nd}@$!%*?&_]{8,}\n?$/u;

/** The most common passwords in lower case, from zxcvbn-ts. */
const COMMON: ReadonlySet<string> = new Set((dictionary['passwords-common'] as readonly string[]).map(String));

/** Characters that often stand for letters in passwords. */
const SUBSTITUTES: Readonly<Record<string, string>> = {
  '@': 'a',
  '4': 'a',
  '3': 'e',
  '1': 'i',
  '!': 'i',
  '0': 'o',
  $: 's',
  '5': 's',
  '7': 't',
};
/** Maximum number of digits and signs that users append to a common password to satisfy a rule. */
const MAX_APPENDED = 4;

/** The user who will have the password. */
interface PasswordOwner {
  readonly username: string;
  readonly email: string;
}

/** Returns the text to hash, which is the same for equivalent spellings on different keyboards and systems. */
export function normalizePassword(password: string): string {
  // No rule accepts text of this length, in any form.
  if (password.length > MAX_RAW_LENGTH && !CLASSIC.test(password)) return password;
  return password.normalize('NFKC');
}

/**
 * Checks whether a password may be set: by the rule of the original VWS server, or as a passphrase of any script.
 *
 * @param suite of the session: suite 1 accepts what the original accepts, suite 2 no common password
 * @throws Problem `password_refused`
 */
export function checkPasswordPolicy(password: string, owner: PasswordOwner, suite: number): void {
  if (CLASSIC.test(password)) {
    // Longer ones are not in the list, and a pattern of any length would pass here.
    if (suite >= SUITE2 && password.length <= MAX_PASSPHRASE_LENGTH && isCommonVariant(password)) throw tooCommon();
    return;
  }
  if (password.length > MAX_RAW_LENGTH) throw tooLong();
  const passphrase = normalizePassword(password);
  const length = [...passphrase].length;
  if (length < MIN_PASSPHRASE_LENGTH) {
    throw refused(
      `A password needs ${MIN_PASSPHRASE_LENGTH} characters, or 8 of A-Z a-z 0-9 @$!%*?&_ with one of each kind.`,
    );
  }
  if (length > MAX_PASSPHRASE_LENGTH) throw tooLong();
  const folded = passphrase.toLowerCase();
  if (isCommon(folded)) throw tooCommon();
  if (isMadeOfIdentity(folded, owner))
    throw refused('The password consists of little more than the name or the email address.');
}

/**
 * Rejects text that cannot be the password of any account, because no rule could ever have accepted it. Skips the rules
 * whose result can change: the account's name may have been different, and so may the list of common passwords.
 *
 * @throws Problem `password_refused`
 */
export function checkPasswordFormat(password: string): void {
  const normalized = normalizePassword(password);
  const length = [...normalized].length;
  if (CLASSIC.test(normalized) || (length >= MIN_PASSPHRASE_LENGTH && length <= MAX_PASSPHRASE_LENGTH)) return;
  throw refused('The current password does not have the format of a password.');
}

function isCommon(folded: string): boolean {
  return repeatedUnits(folded).some((unit) => COMMON.has(unit));
}

/** Reports whether a password is a common one, with substitutes for letters or with a few characters appended. */
function isCommonVariant(password: string): boolean {
  const folded = password.trim().toLowerCase();
  const plain = [...folded].map((character) => SUBSTITUTES[character] ?? character).join('');
  if (isCommon(folded) || isCommon(plain)) return true;
  const appended = /[^a-z]*$/.exec(folded)?.[0].length ?? 0;
  return Array.from({ length: Math.min(appended, MAX_APPENDED) }, (_, index) => -1 - index).some(
    (end) => COMMON.has(folded.slice(0, end)) || COMMON.has(plain.slice(0, end)),
  );
}

/** Returns the units that the text is a repetition of, including the text itself. */
function repeatedUnits(text: string): string[] {
  const units = Array.from({ length: text.length }, (_, index) => text.slice(0, index + 1));
  return units.filter((unit) => unit.repeat(text.length / unit.length) === text);
}

function isMadeOfIdentity(folded: string, { username, email }: PasswordOwner): boolean {
  const address = email.toLowerCase();
  const [local = ''] = address.split('@');
  const parts = [address, username.toLowerCase(), local].filter((part) => part.length >= MIN_IDENTITY_LENGTH);
  let rest = folded;
  for (const part of parts) rest = rest.replaceAll(part, '');
  return rest !== folded && [...rest].length < MIN_LENGTH_BESIDE_IDENTITY;
}

function tooCommon(): Problem {
  return refused('This is one of the most common passwords.');
}

function tooLong(): Problem {
  return refused(`A password has at most ${MAX_PASSPHRASE_LENGTH} characters.`);
}

function refused(detail: string): Problem {
  return new Problem('password_refused', { detail });
}
