// The delay between attempts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryDelayMs } from './retryDelay.ts';

const delays = (random: number) => [1, 2, 3, 4, 5, 6, 2_000].map((attempts) => retryDelayMs(attempts, random));

test('the delay doubles from a few seconds to a minute', () => {
  assert.deepEqual(delays(0), [2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assert.deepEqual(delays(0.5), [3_000, 6_000, 12_000, 24_000, 45_000, 45_000, 45_000]);
  assert.ok(delays(1 - Number.EPSILON).every((delay) => delay <= 60_000));
});
