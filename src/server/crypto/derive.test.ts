import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveKey, hmac } from './derive.ts';

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('keys are derived as RFC 5869 says (test case 3, its first 32 bytes)', () => {
  assert.equal(
    hexOf(deriveKey(Buffer.alloc(22, 0x0b), '')),
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d',
  );
});

test('each purpose and each secret has a key of its own', () => {
  const keys = ['one', 'other'].flatMap((label) => [1, 2].map((byte) => deriveKey(Buffer.alloc(32, byte), label)));
  assert.equal(new Set(keys.map(hexOf)).size, 4);
  for (const key of keys) assert.equal(key.length, 32);
});

test('HMAC is that of RFC 4231 (test case 2), however the message is cut', () => {
  const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
  const key = Buffer.from('Jefe');
  assert.equal(hexOf(hmac(key, 'what do ya want for nothing?')), expected);
  assert.equal(hexOf(hmac(key, 'what do ya want ', Buffer.from('for nothing?'))), expected);
});
