// The grid of a picture size.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gridOf, neighborGridOf } from './grid.ts';

const text = (grid: ReturnType<typeof gridOf>) => (grid === undefined ? 'none' : `${grid.columns}×${grid.rows}`);

describe('grid', () => {
  test('of 20 sizes', () => {
    const sizes: [number, number, string][] = [
      [1280, 720, '64×36'],
      [1920, 1080, '64×36'],
      [3840, 2160, '64×36'],
      [854, 480, '64×36'],
      [480, 270, '64×36'],
      [426, 240, '64×36'],
      [720, 1280, '36×64'],
      [1080, 1920, '36×64'],
      [640, 480, '48×36'],
      [480, 640, '36×48'],
      [720, 720, '36×36'],
      [722, 720, '36×36'],
      [2400, 1080, '80×36'],
      [1080, 2400, '36×80'],
      [2560, 1080, '84×36'],
      [1240, 720, '64×36'],
      [826, 480, '60×36'],
      [1080, 1350, '36×44'],
      [2560, 720, '128×36'],
      [720, 2600, 'none'],
    ];
    for (const [width, height, expected] of sizes) assert.equal(text(gridOf(width, height)), expected);
  });

  test('a size near the limit between two grids has a neighbor', () => {
    assert.equal(text(neighborGridOf(1240, 720)), '60×36');
    assert.equal(text(neighborGridOf(826, 480)), '64×36');
    assert.equal(text(neighborGridOf(480, 826)), '36×64');
    assert.equal(text(neighborGridOf(1280, 720)), 'none');
    assert.equal(text(neighborGridOf(720, 720)), 'none');
  });
});
