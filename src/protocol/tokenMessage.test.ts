// The format of token messages: bodies, size classes, tokens, locators, payloads.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toBase64Url } from './bytes.ts';
import {
  BODY_OVERHEAD,
  decodeBody,
  decodeToken,
  encodeBody,
  fromCanonicalBase64Url,
  LOCATOR_LENGTH,
  parseLocator,
  readPayload,
  SHORT_CIPHERTEXT_LENGTH,
  sizeClass,
  TOKEN_LENGTH,
} from './tokenMessage.ts';

const TAG_LENGTH = 16;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe('bodies', () => {
  test('decoding is the inverse of encoding, and the rest is zeros', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (content) => {
        const padded = encodeBody(content);
        assert.deepEqual(decodeBody(padded), new Uint8Array(content));
        assert.ok(padded.subarray(5 + content.length).every((byte) => byte === 0));
        assert.equal(sizeClass(padded.length + TAG_LENGTH), padded.length + TAG_LENGTH);
      }),
    );
  });

  test('a class is filled to its last byte', () => {
    for (const size of [256, 512, 65_536, 131_072, 1_114_112]) {
      const full = size - BODY_OVERHEAD;
      assert.equal(encodeBody(new Uint8Array(full)).length + TAG_LENGTH, size);
      assert.ok(encodeBody(new Uint8Array(full + 1)).length + TAG_LENGTH > size);
      assert.equal(decodeBody(encodeBody(new Uint8Array(full)))?.length, full);
    }
  });

  test('other types, longer contents and shorter bodies are rejected', () => {
    const padded = encodeBody(new Uint8Array(3));
    for (const type of [0, 2, 255]) assert.equal(decodeBody(Uint8Array.of(type, ...padded.subarray(1))), undefined);
    assert.equal(decodeBody(Uint8Array.of(1, 0, 0, 0, 2, 7)), undefined);
    assert.equal(decodeBody(Uint8Array.of(1, 255, 255, 255, 255, 7)), undefined);
    for (let length = 0; length < 5; length++) assert.equal(decodeBody(padded.subarray(0, length)), undefined);
    assert.deepEqual(decodeBody(Uint8Array.of(1, 0, 0, 0, 0)), new Uint8Array());
  });

  test('a part of a larger buffer is decoded', () => {
    const padded = encodeBody(Uint8Array.of(1, 2, 3));
    const larger = new Uint8Array(padded.length + 10);
    larger.set(padded, 10);
    assert.deepEqual(decodeBody(larger.subarray(10)), Uint8Array.of(1, 2, 3));
  });
});

test('size classes: the smallest one that fits, powers of two up to 64 KiB, then its multiples', () => {
  const step = 65_536;
  const isClass = (size: number) => (size <= step ? size >= 256 && Math.log2(size) % 1 === 0 : size % step === 0);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5_000_000 }), (size) => {
      const fitting = sizeClass(size);
      assert.ok(isClass(fitting) && fitting >= size);
      const before = fitting <= step ? fitting / 2 : fitting - step;
      assert.ok(before < size || fitting === 256);
    }),
  );
});

describe('tokens and locators', () => {
  test('decoding is the inverse of encoding', () => {
    fc.assert(
      fc.property(bytes(TOKEN_LENGTH), bytes(LOCATOR_LENGTH), (token, locator) => {
        assert.deepEqual(decodeToken(toBase64Url(token)), new Uint8Array(token));
        assert.deepEqual(decodeToken(token), new Uint8Array(token));
        assert.deepEqual(parseLocator(toBase64Url(locator)), new Uint8Array(locator));
      }),
    );
  });

  test('of the characters at the end, only those with zeros in the unused bits are accepted', () => {
    const ends = (length: number, parse: (text: string) => unknown) =>
      [...ALPHABET].filter((last) => parse('A'.repeat(length - 1) + last) !== undefined).join('');
    assert.equal(ends(22, decodeToken), 'AQgw');
    assert.equal(ends(43, parseLocator), 'AEIMQUYcgkosw048');
  });

  test('every other spelling is rejected', () => {
    const token = toBase64Url(new Uint8Array(TOKEN_LENGTH).fill(255));
    const spellings = [
      `${token}==`,
      ` ${token}`,
      `${token}\n`,
      token.replace('_', '/'),
      token.slice(1),
      `${token}A`,
      '',
    ];
    for (const text of spellings) assert.equal(decodeToken(text), undefined, JSON.stringify(text));
    for (const text of [token, `${toBase64Url(new Uint8Array(LOCATOR_LENGTH))}=`, 'ä'.repeat(43)]) {
      assert.equal(parseLocator(text), undefined, text);
    }
    for (const length of [0, 15, 17, 22]) assert.equal(decodeToken(new Uint8Array(length)), undefined);
  });

  test('a text is decoded only if encoding gives it back', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 50 }), (text) => {
        const decoded = fromCanonicalBase64Url(text);
        if (decoded) assert.equal(toBase64Url(decoded), text);
      }),
    );
  });
});

describe('payloads', () => {
  test('bytes and their text are the same payload, whatever whitespace the text contains', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom('', ' ', '\n', '\r\n\t'), (payload, space) => {
        const text = toBase64Url(payload);
        const wrapped = space + text.replace(/.{20}/g, `$&${space}`) + space;
        assert.deepEqual(readPayload(wrapped), readPayload(payload));
      }),
    );
  });

  test('the length decides between a token, a message and a damaged payload', () => {
    for (let length = 0; length < 300; length++) {
      const payload = new Uint8Array(length);
      const text = toBase64Url(payload);
      const isMessage = length === SHORT_CIPHERTEXT_LENGTH || length >= 63;
      const expected = isMessage ? { kind: 'message', message: text } : undefined;
      assert.deepEqual(readPayload(payload), length === TOKEN_LENGTH ? { kind: 'token', token: text } : expected);
    }
  });

  test('a text is damaged if it has other characters, another length or another spelling of a token', () => {
    const envelope = 'A'.repeat(84);
    assert.equal(readPayload(envelope)?.kind, 'message');
    for (const text of [`${envelope}A`, `${envelope.slice(1)}=`, `${envelope.slice(1)}+`, 'ü'.repeat(22)]) {
      assert.equal(readPayload(text), undefined, text);
    }
    assert.equal(readPayload(`${'A'.repeat(21)}B`), undefined);
  });
});
