// Patterns: the vector, and the means that the reader finds.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sha256, vectors } from '../../../test/video/vectors.ts';
import { PatternMaker } from './pattern.ts';

describe('pattern', () => {
  test('is that of the vectors', () => {
    const { columns, rows, width, height, zeros, minimum, maximum, first, hash } = vectors.pattern;
    const change = Float64Array.from({ length: columns * rows }, (_, i) => (((7 * i) % 13) - 6) / 4);
    const pattern = new Int8Array(width * height);
    new PatternMaker({ columns, rows }, width, height).make(
      change,
      change.map(() => 2),
      pattern,
    );
    assert.equal(pattern.filter((value) => value === 0).length, zeros);
    assert.equal(Math.min(...pattern.subarray(0, 100000)), minimum);
    assert.equal(Math.max(...pattern.subarray(0, 100000)), maximum);
    assert.deepEqual(Array.from(pattern.subarray(0, 8)), first);
    assert.equal(sha256(pattern), hash);
  });

  test('the mean over a cell is its change', () => {
    const grid = { columns: 48, rows: 36 };
    const change = Float64Array.from({ length: 48 * 36 }, (_, i) => Math.sin(i * i) * 2);
    const pattern = new Int8Array(48 * 24 * 36 * 24);
    new PatternMaker(grid, 48 * 24, 36 * 24).make(
      change,
      change.map(() => 2),
      pattern,
    );
    for (let row = 0; row < grid.rows; row++)
      for (let column = 0; column < grid.columns; column++) {
        let sum = 0;
        for (let y = 24 * row; y < 24 * row + 24; y++)
          for (let x = 24 * column; x < 24 * column + 24; x++) sum += pattern[y * 48 * 24 + x] ?? Number.NaN;
        const difference = sum / 576 - (change[row * grid.columns + column] ?? Number.NaN);
        assert.ok(Math.abs(difference) < 0.025, `${column}, ${row}: ${difference}`);
      }
  });
});
