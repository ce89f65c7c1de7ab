// Padding, CRC and whitening.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { hex, key, payloadOf, sha256, vectors } from '../../../test/video/vectors.ts';
import { crc32, decodeBlock, encodeBlock, fromBits, toBits } from './payload.ts';
import { PROFILES, profileFor } from './profiles.ts';

describe('block of a payload', () => {
  test('is that of the vectors, full and padded', () => {
    const [full, , , , padded] = vectors.code;
    assert.equal(crc32(payloadOf(16)).toString(16), full.crc);
    assert.equal(hex(encodeBlock(payloadOf(16), 16, key)), full.block);
    assert.equal(sha256(encodeBlock(payloadOf(63), 128, key)), padded.blockHash);
  });

  test('round trip of every length from 1 to 512 bytes', () => {
    for (let length = 1; length <= 512; length++) {
      const payload = payloadOf(length);
      const size = profileFor(length)?.bytes ?? 0;
      const block = fromBits(toBits(encodeBlock(payload, size, key)));
      assert.equal(block.length, size + 4);
      assert.deepEqual(decodeBlock(block, key), payload);
    }
  });

  test('round trip of any bytes in every profile that holds them', () => {
    // Zeros and 0x80 are frequent, because padding consists of them.
    const byte = fc.oneof(fc.constantFrom(0, 0x80), fc.nat(255));
    const payloads = fc.array(byte, { maxLength: 512 }).map((bytes) => Uint8Array.from(bytes));
    fc.assert(
      fc.property(payloads, fc.uint8Array({ minLength: 32, maxLength: 32 }), (payload, anyKey) => {
        for (const { bytes } of PROFILES.filter((profile) => payload.length <= profile.bytes))
          assert.deepEqual(decodeBlock(encodeBlock(payload, bytes, anyKey), anyKey), payload);
      }),
    );
  });

  test('a payload that ends like padding keeps its end', () => {
    for (const length of [15, 16]) {
      const payload = payloadOf(length).fill(0, 4).fill(0x80, 3, 4);
      assert.deepEqual(decodeBlock(encodeBlock(payload, 16, key), key), payload);
    }
  });

  test('any changed bit and any other key is refused', () => {
    const block = encodeBlock(payloadOf(15), 16, key);
    for (let bit = 0; bit < 8 * block.length; bit++) {
      const changed = block.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(decodeBlock(changed, key), undefined);
    }
    assert.equal(decodeBlock(block, key.toReversed()), undefined);
  });

  test('no profile holds 513 bytes', () => {
    assert.equal(profileFor(513), undefined);
    assert.throws(() => encodeBlock(payloadOf(17), 16, key), RangeError);
  });
});
