// The rule for usernames, and the form in which they are compared.
import { Problem } from '../../protocol/problems.ts';
import { hasBlankCharacter, hasOneScript, skeletonsOf } from './confusables.ts';
import { normalizePassword } from './passwordPolicy.ts';

/** In Unicode code points after normalization. */
const MAX_USERNAME_LENGTH = 64;

/**
 * Maximum length in UTF-16 units before normalization; no decomposition of 64 characters is longer. The limit is needed
 * because normalization takes quadratic time in the length of a run of combining characters.
 */
const MAX_RAW_LENGTH = 1024;

/** A valid name. */
export interface Username {
  /** Displayed form: NFKC, trimmed. */
  readonly username: string;
  /** Form for comparisons: equal for names that differ only in case, width or invisible characters. */
  readonly usernameKey: string;
  /** Equal to a skeleton of any name that looks alike. */
  readonly skeletons: readonly string[];
}

/** Control characters, lone surrogates, unassigned and private-use characters, line and paragraph separators. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\p{Cn}\p{Co}\p{Zl}\p{Zp}]/u;
/** Format characters, except the joiners that some scripts and emoji need. */
const FORBIDDEN_FORMAT = /(?![\u200c\u200d])\p{Cf}/u;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
/** Clients resolve these path segments, percent-encoded or not, so no message could be sent to such a name. */
const UNREACHABLE: ReadonlySet<string> = new Set(['.', '..']);
/** Existing clients put a name into the URL unencoded and cut it here, so a message for `bob#1` would go to `bob`. */
const URL_FRAGMENT_MARK = '#';
/** Existing clients put this into the URL unencoded, too, so a message for `a%20b` would go to `a b`. */
const PERCENT_ENCODED = /%[0-9a-f]{2}/i;

/**
 * Applies the rule for names: 1 to 64 characters of one script after NFKC and trimming, no control, invisible or blank
 * characters, no `#`, no percent-encoding. Names of existing accounts may break the rule, so look them up by
 * {@link foldUsername}.
 *
 * @throws Problem `invalid_username`
 */
export function parseUsername(text: string): Username {
  const bare = text.trim();
  if (bare.length > MAX_RAW_LENGTH) throw tooLong();
  const username = bare.normalize('NFKC').trim();
  const length = [...username].length;
  if (length === 0) throw invalid('A username needs at least one character.');
  if (length > MAX_USERNAME_LENGTH) throw tooLong();
  if (FORBIDDEN.test(username) || FORBIDDEN_FORMAT.test(username)) {
    throw invalid('A username must not contain control characters.');
  }
  if (hasBlankCharacter(username)) throw invalid('A username must not contain blank characters other than spaces.');
  if (!hasOneScript(username)) throw invalid('A username must not mix letters of different scripts.');
  if (username.includes(URL_FRAGMENT_MARK)) throw invalid('A username must not contain #.');
  if (PERCENT_ENCODED.test(username)) throw invalid('A username must not contain % followed by two hex digits.');
  const usernameKey = foldUsername(username);
  if (usernameKey === '' || UNREACHABLE.has(usernameKey))
    throw invalid('A username needs a letter, a digit or a visible sign.');
  return { username, usernameKey, skeletons: skeletonsOf(username, usernameKey) };
}

/** Returns the key for looking up a name, valid or not; empty if no account can have the name. */
export function foldUsername(text: string): string {
  // PostgreSQL rejects NUL in text, even in a comparison.
  if (text.length > MAX_RAW_LENGTH || text.includes('\0')) return '';
  const bare = text.normalize('NFKC').replace(INVISIBLE, '').trim();
  // Upper-casing unifies letters with different lower-case forms (ß and ss, ς and σ). Lower-casing before it unifies ẞ
  // and ß.
  return bare.toLowerCase().toUpperCase().toLowerCase().normalize('NFKC');
}

/** In suite 1, a field is encrypted in blocks of this length. */
const CIPHER_BLOCK_BYTES = 16;
/** A password has at least this length; shorter ends of longer ones reveal little. */
const MIN_BLOCK_BYTES = 8;

/**
 * Reports whether a text contains the password or a block of it. In suite 1 without HTTPS, an attacker can assemble a name
 * from the encrypted blocks of a password, and read the name afterwards.
 */
export function revealsPassword(name: string, password: string): boolean {
  const text = Buffer.from(name.normalize('NFKC'));
  const secret = Buffer.from(normalizePassword(password).trim());
  for (let start = 0; start < secret.length; start += CIPHER_BLOCK_BYTES) {
    const block = secret.subarray(start, start + CIPHER_BLOCK_BYTES);
    if (block.length >= MIN_BLOCK_BYTES && text.includes(block)) return true;
  }
  return false;
}

/** @throws Problem `invalid_username` */
export function checkNameHidesPassword(name: string, password: string): void {
  if (revealsPassword(name, password)) throw invalid('A username must not contain the password.');
}

function tooLong(): Problem {
  return invalid(`A username has at most ${MAX_USERNAME_LENGTH} characters.`);
}

function invalid(detail: string): Problem {
  return new Problem('invalid_username', { detail });
}
