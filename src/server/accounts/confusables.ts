// Names that look alike: skeletons by UTS #39, one script per name, and characters without ink.
import confusables from 'unhomoglyph/data.json' with { type: 'json' };

/** Maps a character to what it looks like: confusables.txt of Unicode. */
const LOOKS: ReadonlyMap<string, string> = new Map(Object.entries(confusables));
/**
 * Accents without a letter, such as \u00b4. A name has NFKC, in which they are a space and a combining accent, which the data does
 * not have.
 */
const ACCENTS: ReadonlyMap<string, string> = new Map(
  [...LOOKS]
    .map(([character, look]) => [character.normalize('NFKD'), look] as const)
    .filter(([pair]) => /^ \p{M}$/u.test(pair)),
);
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/** The recommended scripts of UAX #31, table 5. Names may mix only the characters of one with those of no script. */
const SCRIPTS = [
  ...['Arabic', 'Armenian', 'Bengali', 'Bopomofo', 'Cyrillic', 'Devanagari', 'Ethiopic', 'Georgian', 'Greek'],
  ...['Gujarati', 'Gurmukhi', 'Han', 'Hangul', 'Hebrew', 'Hiragana', 'Kannada', 'Katakana', 'Khmer', 'Lao', 'Latin'],
  ...['Malayalam', 'Myanmar', 'Oriya', 'Sinhala', 'Tamil', 'Telugu', 'Thaana', 'Thai', 'Tibetan'],
];
/** The combinations of "highly restrictive" in UTS #39: Japanese, Chinese with Bopomofo, Korean, each with Latin. */
const COMBINATIONS = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
];
const charactersOf = (scripts: readonly string[]) => scripts.map((script) => `\\p{scx=${script}}`).join('');
const onlyOf = (scripts: readonly string[]) => new RegExp(`^[${charactersOf([...scripts, 'Zyyy', 'Zinh'])}]*$`, 'u');
/** Includes one for names without any recommended script, such as Cherokee. */
const ALLOWED = [
  ...[...SCRIPTS.map((script) => [script]), ...COMBINATIONS].map(onlyOf),
  new RegExp(`^[^${charactersOf(SCRIPTS)}]*$`, 'u'),
];

/** Blank characters that are neither spaces nor default-ignorable: Braille, notation, hieroglyphs, Khitan, an object. */
const WITHOUT_INK = /[\u2800\ufffc\u{1d159}\u{13441}\u{13442}\u{16fe4}]/u;

/** Reports whether a name has a character that is displayed as nothing. */
export function hasBlankCharacter(name: string): boolean {
  return WITHOUT_INK.test(name);
}

/** Reports whether all letters of a name are of one script, or of a usual combination such as Japanese. */
export function hasOneScript(name: string): boolean {
  return ALLOWED.some((pattern) => pattern.test(name));
}

/**
 * Returns the skeletons of a name. Names with a common skeleton look alike, in one case or another.
 *
 * @param username as displayed: a capital I looks like l
 * @param usernameKey folded, so that spellings of one name always have a common skeleton
 */
export function skeletonsOf(username: string, usernameKey: string): string[] {
  return [...new Set([username, usernameKey].map((name) => skeletonOf(skeletonOf(name).toLowerCase())))];
}

/** UTS #39, section 4; runs of white space are one space in addition. */
function skeletonOf(text: string): string {
  const decomposed = text.normalize('NFD').replace(INVISIBLE, '');
  const characters = decomposed.match(/ \p{M}|./gsu) ?? [];
  const looks = characters.map((character) => ACCENTS.get(character) ?? LOOKS.get(character) ?? character).join('');
  return looks.normalize('NFD').replace(/\s+/gu, ' ').trim();
}
