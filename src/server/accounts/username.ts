import { Problem } from '../../protocol/problems.ts';

/** The longest name, in Unicode code points after normalisation. */
const MAX_USERNAME_LENGTH = 64;

/**
 * The longest text that is looked at, in UTF-16 units: more than 64 characters ever have, however they are decomposed.
 * Normalising takes the square of the length of a run of combining characters.
 */
const MAX_RAW_LENGTH = 1024;

/** A name that passed the rule. */
export interface Username {
  /** As it is shown: NFKC, trimmed. */
  readonly username: string;
  /** As it is compared: names that differ in case, width or invisible characters only are the same. */
  readonly usernameKey: string;
}

/** Control characters, halves of surrogate pairs, characters without assignment or of private meaning, line ends. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\p{Cn}\p{Co}\p{Zl}\p{Zp}]/u;
/** Characters that change how the others are shown, but for the joiners that some scripts and emoji need. */
const FORBIDDEN_FORMAT = /(?![\u200c\u200d])\p{Cf}/u;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
/** Clients resolve these in a URL path, percent-encoded or not, so no message could be sent to such a name. */
const UNREACHABLE: ReadonlySet<string> = new Set(['.', '..']);
/** Existing clients put a name into the URL unencoded and cut it here, so a message for `bob#1` would go to `bob`. */
const URL_FRAGMENT_MARK = '#';

/**
 * Applies the rule for names: 1 to 64 characters after NFKC and trimming, nothing that controls or hides, no `#`. Earlier
 * accounts may have such names, so look up and compare by {@link foldUsername}.
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
    throw invalid('A username has no control characters.');
  }
  if (username.includes(URL_FRAGMENT_MARK)) throw invalid('A username must not contain #.');
  const usernameKey = foldUsername(username);
  if (usernameKey === '' || UNREACHABLE.has(usernameKey)) throw invalid('A username needs a letter, digit or sign.');
  return { username, usernameKey };
}

/** The key that a name is looked up by, whether or not it passes the rule for new names; empty if nobody can have it. */
export function foldUsername(text: string): string {
  // PostgreSQL takes no NUL in a text, not even to compare.
  if (text.length > MAX_RAW_LENGTH || text.includes('\0')) return '';
  const bare = text.normalize('NFKC').replace(INVISIBLE, '').trim();
  // By way of upper case, which makes one of letters that share no lower case (ß and ss, ς and σ); and before that by way
  // of lower case, which alone ẞ and ß share.
  return bare.toLowerCase().toUpperCase().toLowerCase().normalize('NFKC');
}

function tooLong(): Problem {
  return invalid(`A username has at most ${MAX_USERNAME_LENGTH} characters.`);
}

function invalid(detail: string): Problem {
  return new Problem('invalid_username', { detail });
}
