// The password rule, and the format that a current password can have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dictionary } from '@zxcvbn-ts/language-common';
import fc from 'fast-check';
import { character, characterThat, textOf } from '../../../test/support/arbitraries.ts';
import { checkPasswordFormat, checkPasswordPolicy, normalizePassword } from './passwordPolicy.ts';

const someone = { username: 'Ada Lovelace', email: 'ada.l@example.org' };
const accept = (password: string, identity = someone, suite = 1) => checkPasswordPolicy(password, identity, suite);
const refuse = (password: string, identity = someone, suite = 1) =>
  assert.throws(() => accept(password, identity, suite), { code: 'password_refused' }, JSON.stringify(password));

/** Passwords that the original's rule accepts, with the digits of any script and the newline that it lets through. */
function originalPassword(): fc.Arbitrary<string> {
  const [lower, upper, sign] = ['abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '@$!%*?&_'].map((kind) =>
    fc.constantFrom(...kind),
  ) as [fc.Arbitrary<string>, fc.Arbitrary<string>, fc.Arbitrary<string>];
  const digit = fc.oneof(
    fc.constantFrom(...'0123456789'),
    characterThat((text) => /\p{Nd}/u.test(text)),
  );
  const rest = fc.array(fc.oneof(lower, upper, digit, sign), { minLength: 4, maxLength: 300, size: 'max' });
  const classic = fc
    .tuple(lower, upper, digit, sign, rest)
    .map(([a, b, c, d, others]) => [a, b, c, d, ...others])
    .chain((characters) => fc.shuffledSubarray(characters, { minLength: characters.length }))
    .map((characters) => characters.join(''));
  return fc.tuple(classic, fc.constantFrom('', '\n')).map(([password, end]) => password + end);
}

test('accepts every password that the original accepts, regardless of length, commonness and identity', () => {
  fc.assert(
    fc.property(originalPassword(), (password) => accept(password)),
    { numRuns: 300 },
  );
  accept('Passw0rd!');
  accept('Ada_Lov3', { username: 'Ada_Lov3', email: 'Ada_Lov3@example.org' });
});

test('suite 2 rejects common passwords of the original’s rule, also with substitutes or a few characters appended', () => {
  for (const password of [
    'P@ssw0rd',
    'Password1!',
    'Password123!',
    'Passw0rd!',
    'Qwerty_123',
    '$ummeR_1',
    'Welcome1!',
  ]) {
    refuse(password, someone, 2);
    accept(password);
  }
  for (const password of ['Xk7_vqPz', 'Owls&Tr33s', 'Secret_2026', 'Aa1_0f3c9d']) accept(password, someone, 2);
});

test('suite 2 accepts every other password of the original’s rule, in any length', () => {
  fc.assert(
    fc.property(originalPassword(), (password) => accept(`xQ7_${password}`, someone, 2)),
    { numRuns: 300 },
  );
});

test('rejects a short password that lacks a kind of character or has an unknown one', () => {
  for (const password of ['Aa1_abc', 'abcd_1234', 'ABCD_1234', 'Abcd_efgh', 'Abcd1234', 'Abc_1 34', 'Äbcd_123', '']) {
    refuse(password);
  }
});

test('a passphrase of any script has 12 to 256 characters, regardless of bytes', () => {
  for (const shortest of [
    'blue owl sky',
    'eine Füchsin',
    'синяя сова 1',
    '世界平和万歳千里馬日月火',
    '🎬🎥📼📽🎞📀💿📷📸📹🔒🔑',
  ]) {
    assert.equal([...shortest].length, 12);
    accept(shortest);
    refuse(shortest.slice(0, -2));
  }
  fc.assert(
    fc.property(textOf(character, { minLength: 12, maxLength: 256 }), (text) => {
      const length = [...normalizePassword(text)].length;
      if (length >= 12 && length <= 256) accept(text, { username: 'another user', email: 'another.user@example.org' });
      else refuse(text);
    }),
    { numRuns: 300 },
  );
  refuse('blue owl sky'.repeat(22));
  // Counted in the normalized form, in which these twelve are eleven.
  refuse('e\u0301 owl skies');
});

test('rejects the most common passwords and repetitions of them', () => {
  const common = (dictionary['passwords-common'] as readonly (string | number)[]).map(String);
  assert.ok(common.length > 10_000);
  for (const password of common) refuse(password.repeat(Math.max(1, Math.ceil(12 / password.length))));
  refuse('PasswordPassword');
  refuse('ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ');
  refuse('123123123123');
});

test('rejects a passphrase that consists of little more than the name and the address', () => {
  for (const password of [
    'Ada Lovelace',
    'adalovelace!!ada lovelace'.slice(-14),
    'ada lovelace1815',
    'ADA.L@EXAMPLE.ORG',
    'ada.l@example.org1',
    'ada.lada.lada.l',
    'ada lovelace ada.l',
  ]) {
    refuse(password);
  }
  accept('ada lovelace and the looms');
  // Very short names occur in many good passphrases.
  accept('anaanaanaana', { username: 'an', email: 'an@example.org' });
});

test('equivalent Unicode spellings are the same password', () => {
  for (const [one, other] of [
    ['Ångström unit', 'A\u030angstro\u0308m unit'],
    ['ﬁne ﬁshing', 'fine fishing'],
    ['ｆｕｌｌ　ｗｉｄｔｈ', 'full width'],
  ] as const) {
    assert.equal(normalizePassword(one), normalizePassword(other));
  }
  assert.notEqual(normalizePassword('Case'), normalizePassword('case'));
  assert.notEqual(normalizePassword('end '), normalizePassword('end'));
});

test('checkPasswordFormat accepts what any rule could have accepted', () => {
  const anyCharacters = textOf(character, { minLength: 12, maxLength: 256 });
  fc.assert(
    fc.property(fc.oneof(originalPassword(), anyCharacters), (password) => {
      const length = [...normalizePassword(password)].length;
      fc.pre(length >= 8 && length <= 256);
      try {
        accept(password);
      } catch {
        return;
      }
      checkPasswordFormat(password);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(originalPassword(), (password) => checkPasswordFormat(password)),
    { numRuns: 300 },
  );
  for (const password of [
    'Passw٠rd!',
    'Passw0rd!\n',
    // Equivalent to Passw0rd! after normalization.
    'Ｐａｓｓｗ０ｒｄ！',
    // The name or the list of common passwords may have been different when the password was set.
    'passwordpassword',
    'Ada Lovelace',
    `${'Aa1_'.repeat(2_000)}`,
  ]) {
    checkPasswordFormat(password);
  }
});

test('checkPasswordFormat rejects what no rule could have accepted', () => {
  for (const password of [
    '',
    'short',
    'Aa1_abc',
    'abcd_1234',
    'Abcd1234',
    'Abc_1 34',
    'Passw0rd!\n\n',
    'eleven long',
    'e\u0301 owl skies',
    'x'.repeat(257),
    'x'.repeat(5_000),
  ]) {
    assert.throws(() => checkPasswordFormat(password), { code: 'password_refused' }, JSON.stringify(password));
  }
});
