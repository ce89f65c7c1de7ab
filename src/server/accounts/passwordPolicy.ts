import { dictionary } from '@zxcvbn-ts/language-common';
import { Problem } from '../../protocol/problems.ts';

/** A passphrase has at least so many characters (NFKC code points) … */
const MIN_PASSPHRASE_LENGTH = 12;
/** … and at most so many. */
const MAX_PASSPHRASE_LENGTH = 256;
/**
 * The longest passphrase that is looked at, in UTF-16 units: more than 256 characters ever have, however they are
 * decomposed. Normalising takes the square of the length of a run of combining characters.
 */
const MAX_RAW_LENGTH = 4096;
/** What is left of a passphrase without the user's own name and address must have at least so many characters. */
const MIN_LENGTH_BESIDE_IDENTITY = 6;
/** Shorter parts of a name or address are in too many good passphrases to speak against one. */
const MIN_IDENTITY_LENGTH = 3;

/**
 * The rule that VWS clients know: 8 or more of `A-Za-z0-9@$!%*?&_` with a lower-case and an upper-case letter, a digit
 * and a sign. The digits may be of any script and a line end may follow, for such accounts exist.
 */
const CLASSIC = /^(?=.*[a-z])(?=.*[A-Z])(?=.*\p{Nd})(?=.*[@$!%*?&_])[A-Za-z\p{Nd}@$!%*?&_]{8,}\n?$/u;

/** The most common passwords, lower-case: the list of zxcvbn-ts. */
const COMMON: ReadonlySet<string> = new Set((dictionary['passwords-common'] as readonly string[]).map(String));

/** Whose password it is to be. */
interface PasswordOwner {
  readonly username: string;
  readonly email: string;
}

/** The text that is hashed: the same password typed on another keyboard or system is the same text. */
export function normalizePassword(password: string): string {
  // What is too long for a passphrase and not classic is nobody's password, in whatever form.
  if (password.length > MAX_RAW_LENGTH && !CLASSIC.test(password)) return password;
  return password.normalize('NFKC');
}

/**
 * Decides whether a password may be set: by the classic rule, or as a passphrase of any script.
 *
 * @throws Problem `password_refused`
 */
export function checkPasswordPolicy(password: string, owner: PasswordOwner): void {
  if (CLASSIC.test(password)) return;
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
  if (isCommon(folded)) throw refused('This is one of the most common passwords.');
  if (isMadeOfIdentity(folded, owner)) throw refused('The password is made of the name or the e-mail address.');
}

/**
 * Refuses what cannot be the password of any account, because no rule could ever have accepted it. Leaves out the rules that
 * may have had another result in the past: the account's name can change, and so can the list of common passwords.
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

/** The pieces that the text is a repetition of, the text itself among them. */
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

function tooLong(): Problem {
  return refused(`A password has at most ${MAX_PASSPHRASE_LENGTH} characters.`);
}

function refused(detail: string): Problem {
  return new Problem('password_refused', { detail });
}
