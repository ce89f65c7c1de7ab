// AES-256-GCM: test vectors, round trips, altered input, nonces.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { openAead, sealAead } from './aead.ts';

const key = randomBytes(32);
const bytes = fc.uint8Array({ maxLength: 64 });
const hex = (text: string) => Buffer.from(text, 'hex');

test('test case 16 of the GCM specification opens', () => {
  const sealed = hex(
    'cafebabefacedbaddecaf888' +
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
      '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' +
      '76fc6ece0f4e1768cddf8853bb2d551b',
  );
  const opened = openAead(
    hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'),
    sealed,
    hex('feedfacedeadbeeffeedfacedeadbeefabaddad2'),
  );
  assert.equal(
    Buffer.from(opened ?? []).toString('hex'),
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
      '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
  );
});

test('sealed data opens and has the minimum length', () => {
  fc.assert(
    fc.property(bytes, bytes, (plaintext, associatedData) => {
      const sealed = sealAead(key, plaintext, associatedData);
      assert.equal(sealed.length, plaintext.length + 12 + 16);
      assert.deepEqual(Buffer.from(openAead(key, sealed, associatedData) ?? 'not opened'), Buffer.from(plaintext));
    }),
    { numRuns: 200 },
  );
});

test('any altered bit of the sealed data, key or associated data is rejected', () => {
  const flip = (original: Uint8Array, bit: number) => {
    const flipped = Uint8Array.from(original);
    const at = (bit >> 3) % flipped.length;
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
    return flipped;
  };
  fc.assert(
    fc.property(
      bytes,
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      fc.nat(1023),
      (plaintext, associatedData, bit) => {
        const sealed = sealAead(key, plaintext, associatedData);
        assert.equal(openAead(key, flip(sealed, bit), associatedData), undefined);
        assert.equal(openAead(flip(key, bit), sealed, associatedData), undefined);
        assert.equal(openAead(key, sealed, flip(associatedData, bit)), undefined);
      },
    ),
    { numRuns: 300 },
  );
});

test('truncated data does not open', () => {
  const sealed = sealAead(key, Buffer.from('four'), Buffer.alloc(0));
  for (let length = 0; length < sealed.length; length += 1) {
    assert.equal(openAead(key, sealed.subarray(0, length), Buffer.alloc(0)), undefined);
  }
});

test('nonces do not repeat', () => {
  const nonces = Array.from({ length: 1_000 }, () =>
    Buffer.from(sealAead(key, Buffer.alloc(0), Buffer.alloc(0)).subarray(0, 12)).toString('hex'),
  );
  assert.equal(new Set(nonces).size, nonces.length);
});
