// The polar code: sets of positions, code words and decoding of noisy words.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { key, payloadOf, profileNamed, sha256, vectors } from '../../../test/video/vectors.ts';
import { Keystream } from './keystream.ts';
import { decodeBlock, encodeBlock, fromBits, toBits } from './payload.ts';
import { codeOf, encode } from './polar.ts';
import { PolarDecoder } from './polarDecoder.ts';
import { PROFILES } from './profiles.ts';

describe('polar code', () => {
  test('frozen sets are those of the vectors', () => {
    for (const { profile, frozen, firstPositions } of vectors.polar) {
      const code = codeOf(profileNamed(profile));
      assert.equal(sha256(code.frozen), frozen);
      assert.deepEqual(Array.from(code.positions.slice(0, 4)), firstPositions);
    }
  });

  test('code words are those of the vectors', () => {
    for (const { payloadBytes, profile, bits, firstBits } of vectors.code) {
      const { bytes } = profileNamed(profile);
      const word = encode(codeOf(profileNamed(profile)), toBits(encodeBlock(payloadOf(payloadBytes), bytes, key)));
      assert.equal(sha256(word), bits);
      if (firstBits !== undefined) assert.equal(word.slice(0, 32).join(''), firstBits);
    }
  });
});

/** Normal numbers by the method of Box and Muller. */
function gaussian(stream: Keystream): number {
  return Math.sqrt(-2 * Math.log(1 - stream.unit())) * Math.cos(2 * Math.PI * stream.unit());
}

/** LLRs of a code word sent as ±1 through Gaussian noise. */
function received(word: Uint8Array, sigma: number, stream: Keystream): Float32Array {
  return Float32Array.from(word, (bit) => (2 * (1 - 2 * bit + sigma * gaussian(stream))) / sigma ** 2);
}

/** Standard deviation of the noise of a code bit of ±1. */
const DESIGN_SIGMA = { token: 1.4, b128: 0.75, b256: 0.75, b512: 0.75 };

describe('list decoder', () => {
  test('decodes 200 random blocks at the design noise', () => {
    const stream = new Keystream(key, [1, 1, 1]);
    for (const profile of PROFILES) {
      const code = codeOf(profile);
      const decoder = new PolarDecoder(code, 8);
      for (let i = 0; i < 50; i++) {
        const payload = Uint8Array.from({ length: profile.bytes }, () => stream.u32());
        const word = encode(code, toBits(encodeBlock(payload, profile.bytes, key)));
        const decoded = decoder.decode(received(word, DESIGN_SIGMA[profile.name], stream), (bits) =>
          decodeBlock(fromBits(bits), key),
        );
        assert.deepEqual(decoded, payload, `${profile.name}, block ${i}`);
      }
    }
  });

  test('returns undefined for noise', () => {
    const stream = new Keystream(key, [2, 2, 2]);
    const code = codeOf(profileNamed('token'));
    const llr = Float32Array.from({ length: code.length }, () => gaussian(stream));
    let paths = 0;
    const decoded = new PolarDecoder(code, 32).decode(llr, (bits) => {
      paths++;
      return decodeBlock(fromBits(bits), key);
    });
    assert.equal(decoded, undefined);
    assert.equal(paths, 32);
  });
});
