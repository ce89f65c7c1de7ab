// The pool of random bytes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { randomBytes } from './random.ts';

const MORE_THAN_THE_POOL = 100_000;

describe('random bytes', () => {
  test('have the requested length', () => {
    for (const length of [0, 1, 32, MORE_THAN_THE_POOL]) assert.equal(randomBytes(length).length, length);
  });

  test('are never returned twice, regardless of refills', () => {
    const seen = new Set<string>();
    for (let count = 0; count < 5_000; count += 1) seen.add(randomBytes(16).toString('hex'));
    assert.equal(seen.size, 5_000);
  });

  test('are not changed by later calls', () => {
    const mine = randomBytes(32);
    const copy = Buffer.from(mine);
    for (let count = 0; count < 2_000; count += 1) randomBytes(32).fill(0);
    assert.deepEqual(mine, copy);
  });

  test('contain no run of zeros', () => {
    for (const length of [64, 1_000, MORE_THAN_THE_POOL]) {
      const bytes = randomBytes(length);
      for (let start = 0; start + 32 <= length; start += 32) {
        assert.ok(bytes.subarray(start, start + 32).some((byte) => byte !== 0));
      }
    }
  });
});
