// The active rectangle of clips with and without black bars.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BarDetector } from './bars.ts';
import { type Orientation, UPRIGHT } from './orient.ts';
import { createPicture, type Picture } from './picture.ts';

type Sides = { left?: number; right?: number; top?: number; bottom?: number };

/** A gray picture with black bars. */
function pictureWith(width: number, height: number, { left = 0, right = 0, top = 0, bottom = 0 }: Sides): Picture {
  const picture = createPicture(width, height);
  for (let y = top; y < height - bottom; y++) picture.y.fill(90, y * width + left, (y + 1) * width - right);
  return picture;
}

function rectangleOf(pictures: Picture[], orientation: Orientation = UPRIGHT, framesPerSecond = 30): number[] {
  const [{ width, height }] = pictures as [Picture];
  const detector = new BarDetector(width, height, orientation);
  for (const [i, picture] of pictures.entries()) if (detector.add(picture, i / framesPerSecond)) break;
  const { x, y, width: w, height: h } = detector.rectangle;
  return [x, y, w, h];
}

const repeat = (picture: Picture, count: number) => Array.from({ length: count }, () => picture);

describe('active rectangle', () => {
  test('a clip without bars is used whole', () => {
    assert.deepEqual(rectangleOf(repeat(pictureWith(320, 240, {}), 8)), [0, 0, 320, 240]);
  });

  test('bars are removed, with edges rounded inwards to even samples', () => {
    assert.deepEqual(rectangleOf(repeat(pictureWith(320, 240, { top: 31, bottom: 30 }), 8)), [0, 32, 320, 178]);
    assert.deepEqual(rectangleOf(repeat(pictureWith(320, 240, { left: 40, right: 41 }), 8)), [40, 0, 238, 240]);
  });

  test('bars of less than 4 samples stay, unless the other one is larger', () => {
    assert.deepEqual(rectangleOf(repeat(pictureWith(320, 240, { top: 3, bottom: 3 }), 8)), [0, 0, 320, 240]);
    assert.deepEqual(rectangleOf(repeat(pictureWith(320, 240, { top: 3, bottom: 4 }), 8)), [0, 4, 320, 232]);
  });

  test('a row that is bright in one picture, or in 1 % of its samples, is not a bar', () => {
    const dark = pictureWith(320, 240, { top: 40, bottom: 40 });
    const bright = pictureWith(320, 240, { top: 20, bottom: 40 });
    assert.deepEqual(rectangleOf([...repeat(dark, 7), bright]), [0, 20, 320, 180]);
    const specks = pictureWith(320, 240, { top: 40, bottom: 40 });
    specks.y.fill(200, 10 * 320, 10 * 320 + 3).fill(200, 20 * 320, 20 * 320 + 4);
    assert.deepEqual(rectangleOf(repeat(specks, 8)), [0, 20, 320, 180]);
  });

  test('black pictures at the start are skipped for 2 seconds', () => {
    const black = createPicture(320, 240);
    const boxed = pictureWith(320, 240, { top: 40, bottom: 40 });
    assert.deepEqual(rectangleOf([...repeat(black, 24), ...repeat(boxed, 8)]), [0, 40, 320, 160]);
    assert.deepEqual(rectangleOf([...repeat(black, 72), ...repeat(boxed, 8)]), [0, 0, 320, 240]);
    assert.deepEqual(rectangleOf(repeat(black, 3)), [0, 0, 320, 240]);
  });

  test('the rectangle is that of the displayed picture', () => {
    const picture = pictureWith(320, 240, { left: 10, right: 20, top: 30, bottom: 40 });
    const at = (rotation: Orientation['rotation'], isMirrored: boolean) =>
      rectangleOf(repeat(picture, 8), { rotation, isMirrored });
    assert.deepEqual(at(0, false), [10, 30, 290, 170]);
    assert.deepEqual(at(0, true), [20, 30, 290, 170]);
    assert.deepEqual(at(90, false), [40, 10, 170, 290]);
    assert.deepEqual(at(90, true), [30, 10, 170, 290]);
    assert.deepEqual(at(180, false), [20, 40, 290, 170]);
    assert.deepEqual(at(270, false), [30, 20, 170, 290]);
  });
});
