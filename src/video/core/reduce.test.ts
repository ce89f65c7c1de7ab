// Area means against a plain computation.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { key } from '../../../test/video/vectors.ts';
import { Keystream } from './keystream.ts';
import { AreaMeans, type Axis, evenAxis } from './reduce.ts';

const stride = 61;
const bounds = { x: 4, y: 2, width: 51, height: 37 };
const stream = new Keystream(key, [3, 3, 3]);
const plane = Uint8Array.from({ length: stride * 45 }, () => stream.u32());

/** Mean over a rectangle, from the share of every sample near it. */
function naiveMean(x0: number, x1: number, y0: number, y1: number): number {
  let sum = 0;
  const share = (from: number, to: number, i: number) => Math.max(0, Math.min(to, i + 1) - Math.max(from, i));
  const inside = (i: number, start: number, length: number) => Math.min(Math.max(i, start), start + length - 1);
  for (let y = Math.floor(y0); y < y1; y++)
    for (let x = Math.floor(x0); x < x1; x++) {
      const at = inside(y, bounds.y, bounds.height) * stride + inside(x, bounds.x, bounds.width);
      sum += (plane[at] ?? Number.NaN) * share(x0, x1, x) * share(y0, y1, y);
    }
  return sum / ((x1 - x0) * (y1 - y0));
}

function assertMeans(columns: Axis, rows: Axis): void {
  const means = new Float64Array(columns.count * rows.count);
  new AreaMeans(columns, rows, bounds).reduce(plane, stride, means);
  for (let j = 0; j < rows.count; j++)
    for (let i = 0; i < columns.count; i++) {
      const x = columns.origin + i * columns.size;
      const y = rows.origin + j * rows.size;
      const difference =
        (means[j * columns.count + i] ?? Number.NaN) - naiveMean(x, x + columns.size, y, y + rows.size);
      assert.ok(Math.abs(difference) < 1e-9, `${i}, ${j}: ${difference}`);
    }
}

describe('area means', () => {
  test('over pieces of whole and of fractional size', () => {
    assertMeans(evenAxis(bounds.x, bounds.width, 51), evenAxis(bounds.y, bounds.height, 37));
    assertMeans(evenAxis(bounds.x, bounds.width, 17), evenAxis(bounds.y, bounds.height, 5));
    assertMeans(evenAxis(bounds.x, bounds.width, 7), evenAxis(bounds.y, bounds.height, 3));
    assertMeans(evenAxis(bounds.x, bounds.width, 80), evenAxis(bounds.y, bounds.height, 50));
  });

  test('outside the bounds the nearest sample inside counts', () => {
    assertMeans({ origin: -3.3, size: 6.7, count: 10 }, { origin: -4.25, size: 8, count: 7 });
    assertMeans({ origin: -20, size: 9, count: 10 }, { origin: -20, size: 9, count: 9 });
  });
});
