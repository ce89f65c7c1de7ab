// Texts of every script for property tests, with many characters that are hard to compare or to encode.
import fc from 'fast-check';
import { parseUsername } from '../../src/server/accounts/username.ts';

const LAST_CODE_POINT = 0x10ffff;
const HARD = ['ß', 'ẞ', 'ς', 'σ', 'Σ', 'İ', 'ı', 'ŉ', 'ﬁ', 'ΐ', 'ᾳ', '\u0345', '\u0307', '\u0301', '\u200d', '\ufe0f'];
const WITHOUT_MEANING = /[\p{Cs}\p{Cn}\p{Co}]/u;

/** One of the characters up to `last` that satisfy the predicate. */
export function characterThat(belongs: (character: string) => boolean, last = LAST_CODE_POINT): fc.Arbitrary<string> {
  const found: string[] = [];
  for (let codePoint = 0; codePoint <= last; codePoint += 1) {
    const character = String.fromCodePoint(codePoint);
    if (belongs(character)) found.push(character);
  }
  return fc.nat(found.length - 1).map((index) => found[index] ?? '');
}

/** One character that Unicode assigns. */
export const character: fc.Arbitrary<string> = fc.oneof(
  characterThat(() => true, 0x7f),
  characterThat(() => true, 0xff),
  characterThat((text) => /\p{Changes_When_Casemapped}/u.test(text)),
  characterThat((text) => /\p{M}/u.test(text)),
  characterThat((text) => !WITHOUT_MEANING.test(text)),
  fc.constantFrom(...HARD),
);

/** A text of this many characters. */
export function textOf(
  character: fc.Arbitrary<string>,
  length: { minLength?: number; maxLength: number },
): fc.Arbitrary<string> {
  return fc.array(character, { ...length, size: 'max' }).map((characters) => characters.join(''));
}

/** Scripts of names; most names that mix scripts are refused. */
const SCRIPTS = ['Latin', 'Greek', 'Cyrillic', 'Arabic', 'Georgian', 'Devanagari', 'Hangul', 'Katakana', 'Cherokee'];

/** A character of a script, or a common one. */
function nameCharacter(script: string): fc.Arbitrary<string> {
  const ofScript = new RegExp(`\\p{scx=${script}}`, 'u');
  const ofNone = /[\p{scx=Common}\p{scx=Inherited}]/u;
  return fc.oneof(
    characterThat((text) => ofScript.test(text) && !WITHOUT_MEANING.test(text)),
    characterThat((text) => ofNone.test(text) && !WITHOUT_MEANING.test(text)),
    fc.constantFrom(...HARD),
  );
}

/** A text that can be registered as a name, before normalization. */
export const usernameText: fc.Arbitrary<string> = fc
  .oneof(...SCRIPTS.map((script) => textOf(nameCharacter(script), { maxLength: 12 })))
  .filter((text) => {
    try {
      parseUsername(text);
      return true;
    } catch {
      return false;
    }
  });
