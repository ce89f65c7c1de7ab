// The byte layouts of suite 2.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  concatBytes,
  DESCRIPTOR_LENGTH,
  decodeContent,
  decodeDescriptor,
  decodePaddedJson,
  descriptorToSign,
  encodeContent,
  encodeDescriptor,
  encodePaddedJson,
  firstMessageInfo,
  formatSessionKey,
  IDENTITY_LENGTH,
  KEM_CIPHERTEXT_LENGTH,
  KEM_PUBLIC_KEY_LENGTH,
  PADDING_BLOCK,
  parseSessionKey,
  requestContext,
  responseContext,
  SESSION_ID_LENGTH,
  SIGNATURE_LENGTH,
  secondMessageInfo,
  speaksSuite2,
} from './suite2.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const ascii = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** A view into a larger buffer, as those are that came out of one message. */
const asView = (bytes: Uint8Array) => concatBytes(new Uint8Array(5), bytes, new Uint8Array(3)).subarray(5, -3);

test('lengths match X-Wing, Ed25519 and SHA-256', () => {
  assert.deepEqual(
    [KEM_PUBLIC_KEY_LENGTH, KEM_CIPHERTEXT_LENGTH, IDENTITY_LENGTH, SIGNATURE_LENGTH, SESSION_ID_LENGTH],
    [1184 + 32, 1088 + 32, 32, 64, 32],
  );
});

describe('descriptor', () => {
  const publicKey = Uint8Array.from({ length: KEM_PUBLIC_KEY_LENGTH }, (_, index) => index % 251);
  const bytes = encodeDescriptor({ notBefore: 0x0102030405, notAfter: 0x1f_ffff_ffff_ffff, publicKey });

  test('is 02, both times in 8 bytes each, and the key', () => {
    assert.equal(bytes.length, DESCRIPTOR_LENGTH);
    assert.equal(DESCRIPTOR_LENGTH, 1233);
    assert.equal(hex(bytes.subarray(0, 17)), '02000000010203040500' + '1fffffffffffff');
    assert.deepEqual(bytes.subarray(17), publicKey);
    assert.equal(ascii(descriptorToSign(bytes)), `vws2 descriptor ${ascii(bytes)}`);
  });

  test('round trip, also from the middle of a buffer', () => {
    const time = fc.maxSafeNat();
    fc.assert(
      fc.property(time, time, bytesOf(KEM_PUBLIC_KEY_LENGTH), (notBefore, notAfter, key) => {
        const decoded = decodeDescriptor(asView(encodeDescriptor({ notBefore, notAfter, publicKey: key })));
        assert.deepEqual([decoded?.notBefore, decoded?.notAfter], [notBefore, notAfter]);
        assert.deepEqual(Uint8Array.from(decoded?.publicKey ?? []), key);
      }),
    );
  });

  test('another length or version: undefined', () => {
    for (const wrong of [new Uint8Array(), bytes.subarray(1), bytes.subarray(0, -1), concatBytes(bytes, 'x')]) {
      assert.equal(decodeDescriptor(wrong), undefined);
    }
    for (const version of [0, 1, 3, 0x32, 0xff]) {
      assert.equal(decodeDescriptor(concatBytes(Uint8Array.of(version), bytes.subarray(1))), undefined);
    }
  });
});

test('contexts of the messages: a label and its input', () => {
  const [kid, transcript] = [new Uint8Array(32).fill(0x41), new Uint8Array(32).fill(0x42)];
  assert.equal(ascii(firstMessageInfo(kid)), `vws2 m1 ${'A'.repeat(32)}`);
  assert.equal(ascii(secondMessageInfo(transcript)), `vws2 m2 ${'B'.repeat(32)}`);
  assert.equal(ascii(requestContext('POST', '/encrypt', '2.id.7')), 'vws2 req\0POST\0/encrypt\x002.id.7\0');
  assert.equal(ascii(responseContext(200)), 'vws2 res\x00200\0');
});

describe('session key', () => {
  const sessionId = `${'AZaz09-_'.repeat(5)}abc`;

  test('is 2, the id and the step, separated by dots', () => {
    assert.equal(formatSessionKey(sessionId, 0), `2.${sessionId}.0`);
    assert.deepEqual(parseSessionKey(`2.${sessionId}.0`), { sessionId, step: 0 });
  });

  test('round trip', () => {
    const id = bytesOf(32).map((bytes) => Buffer.from(bytes).toString('base64url'));
    fc.assert(
      fc.property(id, fc.nat({ max: 999_999_999_999_999 }), (name, step) => {
        assert.deepEqual(parseSessionKey(formatSessionKey(name, step)), { sessionId: name, step });
      }),
    );
  });

  const foreign = {
    empty: '',
    'of suite 1': 'x'.repeat(400),
    'of another suite': `3.${sessionId}.0`,
    'without a step': `2.${sessionId}.`,
    'with too short an id': `2.${sessionId.slice(1)}.0`,
    'with too long an id': `2.${sessionId}a.0`,
    'with a stranger in its id': `2.+${sessionId.slice(1)}.0`,
    'with a negative step': `2.${sessionId}.-1`,
    'with a signed step': `2.${sessionId}.+1`,
    'with a step of two spellings': `2.${sessionId}.01`,
    'with a step in hex': `2.${sessionId}.0x1`,
    'with a fraction of a step': `2.${sessionId}.1.5`,
    'with a step above the safe integers': `2.${sessionId}.1000000000000000`,
    'with a digit of another script': `2.${sessionId}.٣`,
    'with a line end': `2.${sessionId}.0\n`,
    'with white space': ` 2.${sessionId}.0`,
  };
  for (const [what, text] of Object.entries(foreign)) {
    test(`${what}: undefined`, () => assert.equal(parseSessionKey(text), undefined));
  }
});

describe('padded JSON', () => {
  test('is padded with spaces to whole blocks', () => {
    assert.equal(ascii(encodePaddedJson({})), `{}${' '.repeat(62)}`);
    assert.equal(ascii(encodePaddedJson({ a: 1 })), `{"a":1}${' '.repeat(57)}`);
  });

  test('round trip; its length reveals only the number of blocks', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (given) => {
        const value = JSON.parse(JSON.stringify(given)) as object;
        const bytes = encodePaddedJson(value);
        assert.deepEqual(decodePaddedJson(asView(bytes)), value);
        const bare = Buffer.byteLength(JSON.stringify(value));
        assert.equal(bytes.length, Math.ceil(bare / PADDING_BLOCK) * PADDING_BLOCK);
      }),
    );
    const exact = { x: 'y'.repeat(PADDING_BLOCK - '{"x":""}'.length) };
    assert.equal(encodePaddedJson(exact).length, PADDING_BLOCK);
    assert.equal(encodePaddedJson({ x: `${exact.x}y` }).length, 2 * PADDING_BLOCK);
  });

  test('anything but an object: undefined', () => {
    for (const text of ['', ' ', '[]', 'null', '1', '"text"', '{', '{}x', '{"a":1}\0', "{'a':1}", '\ufeff{}']) {
      assert.equal(decodePaddedJson(Buffer.from(text)), undefined, JSON.stringify(text));
    }
    assert.equal(decodePaddedJson(Buffer.from('7b2261223a22ff227d', 'hex')), undefined, 'not UTF-8');
  });

  test('arbitrary bytes: an object or undefined, never an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const value = decodePaddedJson(bytes);
        assert.ok(value === undefined || (typeof value === 'object' && !Array.isArray(value)));
      }),
    );
  });
});

describe('content', () => {
  test('is the flags, the key establishment if there is one, and the JSON', () => {
    assert.equal(ascii(encodeContent(undefined, {})), `\0{}${' '.repeat(62)}`);
    assert.equal(ascii(encodeContent(Buffer.from('KEM'), {})), `\x01KEM{}${' '.repeat(62)}`);
  });

  test('round trip, also from the middle of a buffer', () => {
    const establishment = fc.option(bytesOf(40), { nil: undefined });
    fc.assert(
      fc.property(establishment, fc.dictionary(fc.string(), fc.string()), (keyEstablishment, given) => {
        const json = JSON.parse(JSON.stringify(given)) as Record<string, unknown>;
        const content = decodeContent(asView(encodeContent(keyEstablishment, json)), 40);
        assert.deepEqual(content?.json, json);
        assert.deepEqual(content?.keyEstablishment && Uint8Array.from(content.keyEstablishment), keyEstablishment);
      }),
    );
  });

  test('unknown flag or truncated: undefined', () => {
    const content = encodeContent(undefined, { a: 'b' });
    for (let bit = 1; bit < 8; bit += 1) {
      const flags = Uint8Array.of(1 << bit);
      assert.equal(decodeContent(concatBytes(flags, content.subarray(1)), 4), undefined, `flag ${bit}`);
    }
    assert.equal(decodeContent(new Uint8Array(), 4), undefined);
    assert.equal(decodeContent(Uint8Array.of(0), 4), undefined);
    assert.equal(decodeContent(Uint8Array.of(1, 1, 2, 3, 4), 4), undefined);
    assert.equal(decodeContent(Uint8Array.of(1, 0x7b, 0x7d), 4), undefined, 'shorter than its key establishment');
    const withKey = encodeContent(new Uint8Array(4), { a: 'b' });
    assert.ok(decodeContent(withKey, 4));
    assert.equal(decodeContent(withKey, 5), undefined);
    assert.equal(decodeContent(withKey, 3), undefined);
  });

  test('arbitrary bytes: an object or undefined, never an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(50), (bytes, length) => {
        const content = decodeContent(bytes, length);
        if (content?.keyEstablishment) assert.equal(content.keyEstablishment.length, length);
      }),
    );
  });
});

test('concatBytes: joins bytes and the UTF-8 of texts', () => {
  assert.equal(hex(concatBytes()), '');
  assert.equal(hex(concatBytes('é', Uint8Array.of(1, 2), '', new Uint8Array(), '\0')), 'c3a9010200');
});

test('speaksSuite2: decides by the suite or the session key', () => {
  for (const body of [
    { suite: 2 },
    { session_key: '2.x' },
    { suite: 1, session_key: '2.x' },
    { suite: 2, session_key: 7 },
  ]) {
    assert.equal(speaksSuite2(body), true, JSON.stringify(body));
  }
  for (const body of [
    {},
    { suite: 1 },
    { suite: '2' },
    { suite: 3 },
    { session_key: '2' },
    { session_key: ['2.'] },
    { session_key: 'a2.' },
  ]) {
    assert.equal(speaksSuite2(body), false, JSON.stringify(body));
  }
});
