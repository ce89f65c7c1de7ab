// The statistics of the timing test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../torture/random.ts';
import { compare, differs } from './statistics.ts';

const close = (actual: number, expected: number, tolerance: number): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

test('two samples from a textbook', () => {
  // Hollander & Wolfe (1973), p. 69: permeability of membranes at term and before; U = 35. By hand from there:
  // z = (|35 - 25| - 0.5) / sqrt(10 * 5 * 16 / 12) = 1.1635.
  const atTerm = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
  const before = [1.15, 0.88, 0.9, 0.74, 1.21];
  const { p, superiority, shift } = compare(atTerm, before);
  close(superiority, 35 / 50, 1e-12);
  close(p, 0.2446, 1e-4);
  close(shift, 0.305, 0.02);
});

test('ties, equal samples and disjoint samples', () => {
  assert.deepEqual(compare([1, 1, 1], [1, 1, 1]), { p: 1, superiority: 0.5, shift: 0 });
  const low = Array.from({ length: 50 }, (_, index) => index % 5);
  const high = low.map((value) => value + 5);
  assert.ok(compare(low, high).p < 1e-15);
  assert.equal(compare(low, high).superiority, 0);
  assert.equal(compare(high, low).superiority, 1);
  assert.equal(compare(high, low).shift, 5);
});

test('samples of one distribution rarely differ, shifted ones always do', () => {
  const random = createRandom(1);
  // Like times: never below a floor, with a long tail.
  const sample = (shift: number) => Array.from({ length: 120 }, () => 2 + shift - Math.log(1 - random.next()) * 0.4);
  const rounds = 100;
  const pairs = (shift: number) => Array.from({ length: rounds }, () => compare(sample(shift), sample(0)));
  assert.equal(pairs(0).filter((found) => differs(found, 0)).length, 0);
  const unlikely = pairs(0).filter(({ p }) => p < 0.05).length;
  assert.ok(unlikely > 0 && unlikely < rounds * 0.12, `${unlikely} of ${rounds} below 0.05`);
  assert.equal(pairs(0.35).filter((found) => differs(found, 0.1)).length, rounds);
});
