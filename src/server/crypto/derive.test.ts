// HKDF and HMAC: test vectors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveKey, expand, extract, hmac } from './derive.ts';

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('deriveKey: RFC 5869, test case 3, first 32 bytes', () => {
  assert.equal(
    hexOf(deriveKey(Buffer.alloc(22, 0x0b), '')),
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d',
  );
});

test('deriveKey: keys differ by purpose and by secret', () => {
  const keys = ['one', 'other'].flatMap((label) => [1, 2].map((byte) => deriveKey(Buffer.alloc(32, byte), label)));
  assert.equal(new Set(keys.map(hexOf)).size, 4);
  for (const key of keys) assert.equal(key.length, 32);
});

test('hmac: RFC 4231, test case 2, regardless of the parts', () => {
  const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
  const key = Buffer.from('Jefe');
  assert.equal(hexOf(hmac(key, 'what do ya want for nothing?')), expected);
  assert.equal(hexOf(hmac(key, 'what do ya want ', Buffer.from('for nothing?'))), expected);
});

/** RFC 5869, appendix A: input, pseudorandom key, and output, whose first block is 32 bytes. */
const rfc5869 = {
  'test case 1': {
    ikm: '0b'.repeat(22),
    salt: '000102030405060708090a0b0c',
    info: 'f0f1f2f3f4f5f6f7f8f9',
    prk: '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
    okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  },
  'test case 2': {
    ikm: bytesFromTo(0x00, 0x4f),
    salt: bytesFromTo(0x60, 0xaf),
    info: bytesFromTo(0xb0, 0xff),
    prk: '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244',
    okm: 'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
  },
  'test case 3': {
    ikm: '0b'.repeat(22),
    salt: '',
    info: '',
    prk: '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
    okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  },
};

function bytesFromTo(first: number, last: number): string {
  return hexOf(Uint8Array.from({ length: last - first + 1 }, (_, index) => first + index));
}

for (const [name, vector] of Object.entries(rfc5869)) {
  const bytes = (hex: string) => Buffer.from(hex, 'hex');

  test(`extract and the first block of expand: RFC 5869, ${name}`, () => {
    assert.equal(hexOf(extract(bytes(vector.salt), bytes(vector.ikm))), vector.prk);
    assert.equal(hexOf(expand(bytes(vector.prk), bytes(vector.info))), vector.okm.slice(0, 64));
  });

  test(`expand accepts its info in parts, text as UTF-8: ${name}`, () => {
    const info = bytes(vector.info);
    assert.equal(hexOf(expand(bytes(vector.prk), info.subarray(0, 3), info.subarray(3))), vector.okm.slice(0, 64));
    assert.deepEqual(
      expand(bytes(vector.prk), 'vws2 res ', info),
      expand(bytes(vector.prk), Buffer.from('vws2 res '), info),
    );
  });
}
