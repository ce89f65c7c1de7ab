// Caps by texture and brightness.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chromaCap, computeCaps } from './caps.ts';
import { createPicture } from './picture.ts';

const width = 720;
const grid = { columns: 36, rows: 36 };

/** The caps of a square picture with these luma samples. */
function capsOf(sample: (x: number, y: number) => number): Float64Array {
  const { y: plane } = createPicture(width, width);
  for (let i = 0; i < plane.length; i++) plane[i] = sample(i % width, Math.floor(i / width));
  const caps = new Float64Array(grid.columns * grid.rows);
  computeCaps(plane, width, { x: 0, y: 0, width, height: width }, grid, caps);
  return caps;
}

function assertAll(caps: Float64Array, expected: number): void {
  for (const cap of caps) assert.ok(Math.abs(cap - expected) < 1e-9, `${cap} instead of ${expected}`);
}

describe('caps', () => {
  test('of flat pictures depend on the brightness', () => {
    assertAll(
      capsOf(() => 120),
      0.7,
    );
    assertAll(
      capsOf(() => 20),
      0.7 * 0.85,
    );
    assertAll(
      capsOf(() => 237),
      0.7 * 0.7,
    );
    assertAll(
      capsOf(() => 255),
      0.7 * 0.3,
    );
  });

  test('grow with the texture up to 6', () => {
    // Thumbs have 4 × 4 samples, half of them 2 above and half 2 below the mean.
    assertAll(
      capsOf((x) => 120 + 4 * (x & 1)),
      0.7 + 0.825 * 2,
    );
    assertAll(
      capsOf((x) => 100 + 60 * (x & 1)),
      6,
    );
  });

  test('are those of the flattest quarter of a cell', () => {
    // Cells have 20 samples along a side: the right half of each is flat.
    const caps = capsOf((x) => (x % 20 < 8 ? 100 + 40 * (x & 1) : 120));
    assertAll(caps, 0.7);
  });

  test('of chroma follow those of luma', () => {
    assert.equal(chromaCap(1), 0.7);
    assert.equal(chromaCap(6), 1.6);
  });
});
