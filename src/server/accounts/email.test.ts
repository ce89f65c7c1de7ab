// Email addresses: which ones are accepted, and how they are compared.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { character, characterThat, textOf } from '../../../test/support/arbitraries.ts';
import { checkEmailFormat, foldEmail, mailboxOf, noticeSubject, parseEmail } from './email.ts';

const refused = { code: 'invalid_email' };

test('accepts every address that browsers accept', () => {
  for (const address of [
    'ada@example.org',
    'ada+vws@example.org',
    'ada.lovelace@mail.example.co.uk',
    "o'hara@example.org",
    'a@localhost',
    '.dots..everywhere.@example.org',
  ]) {
    assert.equal(parseEmail(address).email, address);
  }
});

test('accepts addresses of every script', () => {
  for (const address of ['зоя@пример.рф', 'josé@example.org', '世界@例え.テスト', 'anna@bücher.example']) {
    assert.equal(parseEmail(address).email, address);
  }
});

/** Addresses that the original's rule accepts, with the newline that it lets through. */
function originalAddress(maxLength: number): fc.Arbitrary<string> {
  const word = fc.oneof(
    characterThat((text) => /\w/.test(text), 0x7f),
    characterThat((text) => /[\p{L}\p{N}]/u.test(text)),
  );
  const part = textOf(fc.oneof({ weight: 4, arbitrary: word }, fc.constantFrom('.', '-')), {
    minLength: 1,
    maxLength,
  });
  return fc
    .tuple(part, part, textOf(word, { minLength: 1, maxLength: 10 }), fc.constantFrom('', '\n'))
    .map(([local, domain, end, rest]) => `${local}@${domain}.${end}${rest}`);
}

test('accepts every address that the original accepts', () => {
  fc.assert(
    fc.property(originalAddress(10), (text) => {
      assert.equal(parseEmail(text).email, text.trim().normalize('NFC'));
    }),
    { numRuns: 500 },
  );
});

test('checkEmailFormat accepts what any rule accepts, at any length', () => {
  fc.assert(
    fc.property(originalAddress(600), (text) => checkEmailFormat(text)),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.emailAddress(), (text) => {
      parseEmail(text);
      checkEmailFormat(text);
    }),
    { numRuns: 300 },
  );
  for (const text of [' Ada@Example.ORG ', 'a@localhost', 'ada+vws@example.org', `${'a'.repeat(5_000)}@example.org`]) {
    checkEmailFormat(text);
  }
});

test('checkEmailFormat rejects what no rule accepts', () => {
  fc.assert(
    fc.property(textOf(character, { maxLength: 20 }), textOf(character, { maxLength: 20 }), (local, domain) => {
      const text = `${local}@${domain}`;
      try {
        parseEmail(text);
      } catch {
        assert.throws(() => checkEmailFormat(text), refused);
        return;
      }
      checkEmailFormat(text);
    }),
    { numRuns: 1_000 },
  );
  for (const text of ['', ' ', 'nobody', '@example.org', 'no body@example.org', 'a@b@example.org', 'a\0@example.org']) {
    assert.throws(() => checkEmailFormat(text), refused, JSON.stringify(text));
    assert.throws(() => checkEmailFormat(text + ' '.repeat(5_000)), refused, JSON.stringify(text));
  }
});

test('rejects everything that is not a single address', () => {
  for (const text of [
    '',
    'nobody',
    '@example.org',
    'nobody@',
    'no body@example.org',
    'a@b@example.org',
    'Ada <ada@example.org>',
    'a@example.org,b@example.org',
    'a@example.org\nBcc: eve@example.org',
    'a\0@example.org',
    'a+b@-example.org',
  ]) {
    assert.throws(() => parseEmail(text), refused, JSON.stringify(text));
  }
});

test('an address has at most 254 bytes', () => {
  const longest = `${'a'.repeat(242)}@example.org`;
  assert.equal(parseEmail(longest).email.length, 254);
  assert.throws(() => parseEmail(`a${longest}`), refused);
  // Half the number of characters, of two bytes each.
  assert.equal(parseEmail(`${'é'.repeat(121)}@example.org`).email.length, 133);
  assert.throws(() => parseEmail(`${'é'.repeat(122)}@example.org`), refused);
});

test('an address keeps its spelling and is compared ignoring case', () => {
  assert.deepEqual(parseEmail(' Ada@Example.ORG '), { email: 'Ada@Example.ORG', emailKey: 'ada@example.org' });
  assert.equal(foldEmail('JOSE\u0301@example.org'), parseEmail('josé@EXAMPLE.org').emailKey);
  assert.notEqual(foldEmail('ada+vws@example.org'), foldEmail('ada@example.org'));
});

test('folding is idempotent', () => {
  fc.assert(
    fc.property(textOf(character, { maxLength: 20 }), (text) => {
      assert.equal(foldEmail(foldEmail(text)), foldEmail(text));
    }),
    { numRuns: 500 },
  );
});

test('mailboxOf: the address without a tag', () => {
  assert.equal(mailboxOf('ada+tag@example.org'), 'ada@example.org');
  assert.equal(mailboxOf('ada+a+b@example.org'), 'ada@example.org');
  for (const other of ['ada@example.org', '+ada@example.org', 'ada@exa+mple.org', 'ada+tag', '']) {
    assert.equal(mailboxOf(other), other);
  }
});

test('noticeSubject: addresses with tags share one, the plain address has its own', () => {
  assert.equal(noticeSubject('ada+a@example.org'), noticeSubject('ada+b@example.org'));
  assert.notEqual(noticeSubject('ada+a@example.org'), noticeSubject('ada@example.org'));
  assert.equal(noticeSubject('ada@example.org'), 'ada@example.org');
});
