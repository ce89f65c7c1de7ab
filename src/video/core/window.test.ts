import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { segmentStarts, ThumbWindow, WINDOW_SLICES } from './window.ts';

const layout = { grid: { columns: 36, rows: 36 }, chromaThumbs: 1 };

function windowOf(...frames: [value: number, end: number][]): ThumbWindow {
  const window = new ThumbWindow(layout);
  const thumbs = new Float64Array(window.sliceSize);
  for (const [value, end] of frames) window.add(thumbs.fill(value), end);
  return window;
}

function average(window: ThumbWindow, start: number, end: number): number {
  const target = new Float64Array(window.sliceSize);
  window.average(start, end, target);
  assert.ok(target.every((value) => value === target[0]));
  return target[0] ?? Number.NaN;
}

const assertClose = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 0.005, `${actual} instead of ${expected}`);

describe('thumb window', () => {
  test('frames count by their display time', () => {
    const window = windowOf([10, 0.04], [20, 0.1], [50, 0.4]);
    assert.equal(window.slices.length, 4);
    assertClose(average(window, 0, 1), 16);
    assertClose(average(window, 0, 2), 33);
    assertClose(average(window, 0.5, 4), (8 + 150) / 3.5);
  });

  test('ranges outside use the part inside', () => {
    const window = windowOf([10, 0.1], [20, 0.2]);
    assertClose(average(window, -3, 1.5), 20 / 1.5);
    assertClose(average(window, 1, 9), 20);
  });

  test('the last slice counts if it is displayed for 0.02 s', () => {
    const window = windowOf([10, 0.11]);
    window.finish();
    assert.equal(window.end, 1);
    const longer = windowOf([10, 0.13]);
    longer.finish();
    assert.equal(longer.end, 2);
    assertClose(average(longer, 1, 2), 10);
  });

  test('the newest 30 s are kept', () => {
    const window = windowOf([10, 1], [20, 31]);
    assert.equal(window.slices.length, WINDOW_SLICES);
    assert.equal(window.dropped, 10);
    assert.equal(window.end, 310);
    assertClose(average(window, 0, 1), 20);
  });

  test('a segment needs more than 4 slices', () => {
    assert.deepEqual(segmentStarts(0, 24), [0, 10]);
    assert.deepEqual(segmentStarts(0, 25), [0, 10, 20]);
    assert.deepEqual(segmentStarts(5.2, 60), [5.2, 15.2, 25.2, 35.2, 45.2, 55.2]);
    assert.deepEqual(segmentStarts(-4, 10), [-4]);
  });
});
