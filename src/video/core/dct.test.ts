// The DCT of blocks: orthonormal, without the mean, in the order of the format.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { vectors } from '../../../test/video/vectors.ts';
import { addInverse, featureCount, toFeatures } from './dct.ts';

const grid = { columns: 64, rows: 36 };
const cells = Float64Array.from({ length: 64 * 36 }, (_, i) => 100 + ((37 * i) % 23) + ((11 * i) % 64) / 4);

describe('DCT', () => {
  test('the first features of the solver vector', () => {
    const features = new Float64Array(featureCount(grid));
    toFeatures(cells, grid, features);
    for (const [i, expected] of vectors.solver.firstFeatures.entries())
      assert.ok(Math.abs((features[i] ?? Number.NaN) - expected) < 0.0001);
  });

  test('the inverse restores every cell except the mean of its block', () => {
    const features = new Float64Array(featureCount(grid));
    toFeatures(cells, grid, features);
    const rest = cells.slice();
    addInverse(
      features.map((value) => -value),
      grid,
      rest,
    );
    const at = (x: number, y: number) => rest[y * grid.columns + x] ?? Number.NaN;
    for (let y = 0; y < grid.rows; y++)
      for (let x = 0; x < grid.columns; x++) assert.ok(Math.abs(at(x, y) - at(x & ~3, y & ~3)) < 1e-9);
  });
});
