import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SummedTable, ThumbTables, wholePicture } from './geometry.ts';
import { planeSize } from './window.ts';

const [WIDTH, HEIGHT] = [40, 30];
const plane = Float64Array.from({ length: WIDTH * HEIGHT }, (_, i) => (i * 7919) % 251);
const table = new SummedTable(WIDTH, HEIGHT);
table.fill(plane);

/** Weighs every sample by the share of it that is inside. */
function naiveMean(left: number, right: number, top: number, bottom: number): number {
  let sum = 0;
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++) {
      const across = Math.max(0, Math.min(x + 1, right) - Math.max(x, left));
      const down = Math.max(0, Math.min(y + 1, bottom) - Math.max(y, top));
      sum += across * down * (plane[y * WIDTH + x] ?? 0);
    }
  return sum / ((right - left) * (bottom - top));
}

const assertClose = (actual: number | undefined, expected: number | undefined) =>
  assert.ok(Math.abs((actual ?? Number.NaN) - (expected ?? Number.NaN)) < 1e-6, `${actual} instead of ${expected}`);

describe('cell means of a geometry', () => {
  test('equal the weighted mean of the samples', () => {
    const size = fc.double({ min: 0.5, max: 9.9, noNaN: true });
    fc.assert(
      fc.property(size, size, size, size, (left, top, width, height) => {
        const cells = new Float64Array(6);
        const edges = { left, right: left + 3 * width, top, bottom: top + 2 * height };
        table.means({ columns: 3, rows: 2 }, edges, cells);
        for (let y = 0; y < 2; y++)
          for (let x = 0; x < 3; x++)
            assertClose(
              cells[3 * y + x],
              naiveMean(left + x * width, left + (x + 1) * width, top + y * height, top + (y + 1) * height),
            );
      }),
    );
  });

  test('cells that are partly outside use the part inside, others repeat the nearest', () => {
    const cells = new Float64Array(4);
    table.means({ columns: 4, rows: 1 }, { left: -14, right: 26, top: 0, bottom: 10 }, cells);
    assertClose(cells[0], naiveMean(0, 10, 0, 10));
    assertClose(cells[1], naiveMean(0, 6, 0, 10));
    assertClose(cells[2], naiveMean(6, 16, 0, 10));

    table.means({ columns: 4, rows: 1 }, { left: 25, right: 65, top: 25, bottom: 35 }, cells);
    assertClose(cells[1], naiveMean(35, 40, 25, 30));
    assertClose(cells[3], naiveMean(30, 40, 25, 30));
  });

  test('chroma has the same geometry on its own thumbs', () => {
    const layout = { grid: { columns: 36, rows: 36 }, chromaThumbs: 2 };
    const thumbs = new Float64Array(planeSize(layout, 5) + 2 * planeSize(layout, 2));
    const chroma = planeSize(layout, 2);
    // The U plane rises by 1 per thumb, the V plane by 2 per row of thumbs.
    for (let i = 0; i < chroma; i++) {
      thumbs[thumbs.length - 2 * chroma + i] = i % 72;
      thumbs[thumbs.length - chroma + i] = 2 * Math.floor(i / 72);
    }
    const tables = new ThumbTables(layout);
    tables.fill(thumbs);
    const cells = tables.cells(wholePicture(layout, layout.grid));
    assertClose(cells.chroma[5], 10.5);
    assertClose(cells.chroma[36 * 36 + 3 * 36 + 1], 13);
  });
});
