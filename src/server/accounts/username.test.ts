// Usernames: which ones are accepted, and how they are compared.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { character, textOf, usernameText } from '../../../test/support/arbitraries.ts';
import { foldUsername, parseUsername, revealsPassword } from './username.ts';

const refused = { code: 'invalid_username' };

test('a name has 1 to 64 characters, regardless of bytes', () => {
  for (const longest of ['x'.repeat(64), 'é'.repeat(64), '🎬'.repeat(64), '한'.repeat(64)]) {
    assert.equal(parseUsername(longest).username, longest);
    // The decomposed spelling, which some systems use, is the same name of the same length.
    assert.equal(parseUsername(longest.normalize('NFD')).username, longest);
    assert.throws(() => parseUsername(`${longest}y`), refused);
  }
  assert.equal(parseUsername('x').username, 'x');
  // Counted after normalization, which expands this character to eighteen.
  assert.throws(() => parseUsername('ﷺ'.repeat(4)), refused);
});

test('a name is normalized and trimmed', () => {
  assert.equal(parseUsername('  Anna Maria\u3000').username, 'Anna Maria');
  assert.equal(parseUsername('Ａｎｎａ').username, 'Anna');
  assert.equal(parseUsername('Chloe\u0301').username, 'Chloé');
});

test('names that differ only in case, width, composition or invisible characters are equal', () => {
  const pairs = [
    ['Anna', 'aNNA'],
    ['Ａｎｎａ', 'anna'],
    ['Straße', 'STRASSE'],
    ['straße', 'STRAẞE'],
    ['Σίσυφος', 'ΣΊΣΥΦΟΣ'],
    ['ilık', 'ILIK'],
    ['İzmir', 'i\u0307zmir'],
    ['Chloé', 'CHLOE\u0301'],
    ['ﬁsh', 'FISH'],
    ['an\u200dna', 'anna'],
    ['an\u034fna', 'anna'],
    ['❤\ufe0f', '❤'],
    ['👩‍👩‍👧', '👩👩👧'],
  ] as const;
  for (const [one, other] of pairs) {
    assert.equal(parseUsername(one).usernameKey, parseUsername(other).usernameKey, `${one} and ${other}`);
  }
});

test('rejects a number sign in any form, because existing clients cut the URL there', () => {
  for (const name of ['#', 'c#', 'bob#1', '#1 fan', 'bob＃1', 'bob﹟1']) {
    assert.throws(() => parseUsername(name), { ...refused, detail: 'A username must not contain #.' }, name);
  }
  assert.equal(foldUsername('Bob＃1'), 'bob#1');
});

test('rejects percent-encoding in any form, because existing clients put it into the URL unencoded', () => {
  for (const name of ['%41', 'a%20b', '100%2F', '％41', '%e2', '%Ff and more']) {
    const detail = 'A username must not contain % followed by two hex digits.';
    assert.throws(() => parseUsername(name), { ...refused, detail }, name);
  }
  for (const name of ['%', '100%', '50% off', '%zz', '%4', '%%']) parseUsername(name);
});

test('rejects characters without ink', () => {
  for (const blank of ['ada.lovelace\u2800', '\u2800', 'a\u{1d159}b', 'a\u{13441}', '\ufffc']) {
    assert.throws(() => parseUsername(blank), refused, JSON.stringify(blank));
  }
  parseUsername('⠠⠃⠗⠁⠊⠇⠇⠑');
});

test('a name has letters of one script, or of a usual combination', () => {
  for (const mixed of [
    'аda',
    'pаypal',
    'Αda',
    'adа',
    'ひらがなалфавит',
    'ᴀdaд',
    'шалом שלום',
    'Ada\u0430',
    '世界д',
    'ᎪᏞа',
  ]) {
    const detail = 'A username must not mix letters of different scripts.';
    assert.throws(() => parseUsername(mixed), { ...refused, detail }, mixed);
  }
  const usual = [
    'Анна Мария',
    'Ελένη 1',
    'שלום',
    'محمد ١',
    '山田 太郎',
    'ヤマダさん Taro',
    '김철수 Kim',
    '김金',
    'ㄅ台 A',
    'ᏣᎳᎩ',
  ];
  const more = ['Ada 🎬', 'ada-1_x', 'Łukasz', 'नमस्ते', 'ไทย', '🎬', '١٢', 'ߒߞߏ', '≠ 1', 'éa\u0301'];
  for (const name of [...usual, ...more]) parseUsername(name);
});

test('names that look alike have a common skeleton, others do not', () => {
  const haveCommon = (one: string, other: string) => {
    const [first, second] = [parseUsername(one), parseUsername(other)];
    return first.skeletons.some((skeleton) => second.skeletons.includes(skeleton));
  };
  for (const [one, other] of [
    ['ada', 'АdА'.replaceAll('А', 'A')],
    ['асе', 'ace'],
    ['BOB', 'ВОВ'],
    ['bob', 'ВОВ'],
    ['l', 'I'],
    ['l', '1'],
    ['O', '0'],
    ['modern', 'modem'],
    ['ian', 'IAN'],
    ['Straße', 'STRASSE'],
    ['a  b', 'a b'],
    ['ⅼ', 'l'],
    // NFKC turns these accents into a space and a combining one.
    ['o\u00b4brien', "o'brien"],
    ['o\u1fbdbrien', 'o\u2019brien'],
    ['a\u02dcb', 'a~b'],
    ['a\u00b8 b', 'a, b'],
    ['ƽfive', 'sfive'],
  ] as const) {
    assert.ok(haveCommon(one, other), `${one} and ${other}`);
  }
  for (const [one, other] of [
    ['ada', 'adam'],
    ['bob', 'bop'],
    ['Anna Maria', 'AnnaMaria'],
    ['é', 'e'],
    ['世', '界'],
    ['lan', 'ian'],
  ] as const) {
    assert.ok(!haveCommon(one, other), `${one} and ${other}`);
  }
});

test('all spellings of a name have a common skeleton', () => {
  fc.assert(
    fc.property(usernameText, (text) => {
      const parsed = parseUsername(text);
      for (const spelling of [parsed.username.toUpperCase(), parsed.username.toLowerCase()]) {
        // Case mapping may make a name too long.
        if ([...spelling.normalize('NFKC')].length > 64) continue;
        const { skeletons } = parseUsername(spelling);
        assert.ok(
          parsed.skeletons.some((skeleton) => skeletons.includes(skeleton)),
          JSON.stringify(spelling),
        );
      }
    }),
    { numRuns: 500 },
  );
});

test('a name must not contain a password, or a block of it that an attacker can cut out', () => {
  for (const [name, password] of [
    ['Secret_2026', 'Secret_2026'],
    ['the name of Ada_Secret_2026', 'Secret_2026'],
    ['Ｓecret_2026', 'Secret_2026'],
    ['correct horse batt', 'correct horse battery staple'],
    ['ttery staple correct', 'correct horse battery staple'],
    ['blue owl sky!', ' blue owl sky! '],
  ] as const) {
    assert.ok(revealsPassword(name, password), name);
  }
  for (const [name, password] of [
    ['secret_2026', 'Secret_2026'],
    ['Secret', 'Secret_2026'],
    ['correct horse', 'correct horse battery staple'],
    ['ple', 'correct horse battery staple sample'],
    ['Ada', ''],
  ] as const) {
    assert.ok(!revealsPassword(name, password), name);
  }
});

test('names that differ in a letter are different', () => {
  for (const [one, other] of [
    ['anna', 'ana'],
    ['İ', 'I'],
    ['é', 'e'],
    ['Anna Maria', 'AnnaMaria'],
    ['а', 'a'],
  ] as const) {
    assert.notEqual(parseUsername(one).usernameKey, parseUsername(other).usernameKey, `${one} and ${other}`);
  }
});

test('an emoji sequence keeps its joiners', () => {
  assert.equal(parseUsername('👩‍👩‍👧').username, '👩‍👩‍👧');
});

test('rejects control, invisible and direction characters', () => {
  const characters = {
    'a NUL': '\0',
    'a line feed': '\n',
    'a line separator': '\u2028',
    'a zero-width space': '\u200b',
    'a soft hyphen': '\u00ad',
    'a word joiner': '\u2060',
    'a byte order mark': '\ufeff',
    'a right-to-left override': '\u202e',
    'a right-to-left isolate': '\u2067',
    'a language tag': '\u{e0001}',
    'half a surrogate pair': '\ud83c',
    'the other half': '\udfac',
    'a private character': '\ue000',
    'a character without meaning': '\u0378',
  };
  for (const [what, bad] of Object.entries(characters)) {
    assert.throws(() => parseUsername(`an${bad}na`), refused, what);
  }
});

test('rejects names without a visible character and names that URLs remove', () => {
  for (const nothing of ['', ' ', '\u3000', '\u200d', '\u034f\u034f', '\u3164', '\ufe0f']) {
    assert.throws(() => parseUsername(nothing), refused, JSON.stringify(nothing));
  }
  for (const swallowed of ['.', '..', '．', '‥', ' . ', '.\u200d', '.\u034f.']) {
    assert.throws(() => parseUsername(swallowed), refused, JSON.stringify(swallowed));
  }
  for (const harmless of ['...', '.a', '%zz', '/']) parseUsername(harmless);
});

test('folding is idempotent', () => {
  fc.assert(
    fc.property(textOf(character, { maxLength: 20 }), (text) => {
      assert.equal(foldUsername(foldUsername(text)), foldUsername(text));
    }),
    { numRuns: 500 },
  );
});

test('a registered name is found by every equivalent spelling', () => {
  fc.assert(
    fc.property(usernameText, (text) => {
      const { username, usernameKey } = parseUsername(text);
      const cases = [text, username, username.toUpperCase(), username.toLowerCase()];
      for (const form of cases.flatMap((cased) => [cased, cased.normalize('NFC'), cased.normalize('NFD')])) {
        assert.equal(foldUsername(form), usernameKey, JSON.stringify(form));
      }
    }),
    { numRuns: 500 },
  );
});

test('the displayed name is valid and equal to the registered one', () => {
  fc.assert(
    fc.property(usernameText, (text) => {
      const parsed = parseUsername(text);
      assert.deepEqual(parseUsername(parsed.username), parsed);
    }),
    { numRuns: 500 },
  );
});
