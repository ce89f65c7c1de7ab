import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { CounterMode } from './counterMode.ts';

function apply(cipher: CounterMode, counter: Uint8Array, bytes: Uint8Array): Uint8Array {
  const target = new Uint8Array(bytes.length);
  cipher.apply(counter, bytes, target);
  return target;
}

test('encrypts the first blocks of the AES-256-CTR example in NIST SP 800-38A, F.5.5', () => {
  const key = Buffer.from('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4', 'hex');
  const counter = Buffer.from('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'hex');
  const plaintext = Buffer.from('6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51', 'hex');
  const ciphertext = '601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5';
  assert.equal(Buffer.from(apply(new CounterMode(key), counter, plaintext)).toString('hex'), ciphertext);
});

test('gives the results of aes-256-ctr for every key, counter block and length, whatever was encrypted before', () => {
  // Carries are rare in random blocks.
  const carrying = fc
    .tuple(fc.integer({ min: 0, max: 16 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
    .map(([count, block]) => block.map((byte, index) => (index >= 16 - count ? 0xff : byte)));
  const value = fc.record({ counter: carrying, bytes: fc.uint8Array({ maxLength: 100 }) });
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(key, fc.array(value, { minLength: 1, maxLength: 5 }), (key, values) => {
      const cipher = new CounterMode(key);
      for (const { counter, bytes } of values) {
        const expected = createCipheriv('aes-256-ctr', key, counter).update(bytes);
        const encrypted = apply(cipher, counter, bytes);
        assert.deepEqual(Buffer.from(encrypted), expected);
        assert.deepEqual(apply(cipher, counter, encrypted), bytes);
      }
    }),
  );
});
