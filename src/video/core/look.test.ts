// Cell means over seconds, for frames of any duration, and the choice of the pictures for the caps.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEFAULT_CAP } from './caps.ts';
import { CHROMA, LUMA } from './carriers.ts';
import { layoutOf } from './layout.ts';
import { Look } from './look.ts';
import { UPRIGHT } from './orient.ts';
import { createPicture, type Picture } from './picture.ts';

const size = 360;
const cells = 36 * 36;

/** A picture of one color; with texture, every other column is brighter. */
function plain(y: number, u = 128, v = 128, texture = 0): Picture {
  const picture = createPicture(size, size);
  picture.y.forEach((_, i) => {
    picture.y[i] = y + texture * (i & 1);
  });
  picture.u.fill(u);
  picture.v.fill(v);
  return picture;
}

function lookAt(frames: [picture: Picture, time: number, duration: number][]): Look {
  const area = { x: 0, y: 0, width: size, height: size };
  const layout = layoutOf({ width: size, height: size, orientation: UPRIGHT }, area);
  assert.ok(layout);
  const look = new Look(layout);
  for (const [picture, time, duration] of frames) look.add(picture, time, duration);
  look.finish();
  return look;
}

/** The first luma cell of each segment. */
function lumaOf(look: Look): number[] {
  return Array.from({ length: look.segments }, (_, segment) => {
    const means = new Float64Array(cells);
    look.readCells(segment, LUMA, means);
    return Number(means[0]?.toFixed(3));
  });
}

function capsOf(look: Look): number[] {
  return Array.from({ length: look.segments }, (_, segment) => {
    const caps = new Float64Array(cells);
    look.readCaps(segment, LUMA, caps);
    return Number(caps[0]?.toFixed(3));
  });
}

describe('cell means', () => {
  test('are weighted by the time that a frame is shown in the second', () => {
    const look = lookAt([
      [plain(100), 0, 0.25],
      [plain(120), 0.25, 1],
      [plain(60), 1.25, 3],
    ]);
    assert.deepEqual(lumaOf(look), [115, 75, 60, 60, 60]);
  });

  test('a partial last second is a segment, a rest of rounding is not', () => {
    assert.equal(lookAt([[plain(100), 0, 2.01]]).segments, 3);
    assert.equal(lookAt([[plain(100), 0, 2.0001]]).segments, 2);
    assert.equal(lookAt([[plain(100), 0, 0.0001]]).segments, 1);
  });

  test('the chroma channel has the U grid above the V grid', () => {
    const means = new Float64Array(2 * cells);
    lookAt([[plain(100, 90, 150), 0, 1]]).readCells(0, CHROMA, means);
    assert.deepEqual([...new Set(means)], [90, 150]);
    assert.equal(means.indexOf(150), cells);
  });
});

describe('caps of a segment', () => {
  test('come from the first frame that is shown in the second half and has its middle in it', () => {
    const look = lookAt([
      [plain(100), 0, 0.4],
      [plain(100, 128, 128, 4), 0.4, 0.2],
      [plain(100), 0.6, 0.4],
    ]);
    assert.deepEqual(capsOf(look), [2.35]);
  });

  test('are those of the second before if no frame belongs to it', () => {
    const look = lookAt([
      [plain(100, 128, 128, 4), 0, 1],
      [plain(100), 1, 3],
      [plain(100, 128, 128, 8), 4, 0.3],
    ]);
    assert.deepEqual(capsOf(look), [2.35, 2.35, DEFAULT_CAP, DEFAULT_CAP, DEFAULT_CAP]);
  });

  test('are 0.7 without any', () => {
    assert.deepEqual(capsOf(lookAt([[plain(100, 128, 128, 8), 0, 0.3]])), [DEFAULT_CAP]);
  });
});
