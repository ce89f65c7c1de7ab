// Rotation and mirroring.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Orientation, toDisplayed, toStored, toStoredRectangle, turnSize } from './orient.ts';

/** The orientations with the displayed rows of the stored rows abc/def, and the stored place of the displayed a. */
const CASES: [Orientation, string][] = [
  [{ rotation: 0, isMirrored: false }, 'abc/def'],
  [{ rotation: 90, isMirrored: false }, 'da/eb/fc'],
  [{ rotation: 180, isMirrored: false }, 'fed/cba'],
  [{ rotation: 270, isMirrored: false }, 'cf/be/ad'],
  [{ rotation: 0, isMirrored: true }, 'cba/fed'],
  [{ rotation: 90, isMirrored: true }, 'ad/be/cf'],
  [{ rotation: 180, isMirrored: true }, 'def/abc'],
  [{ rotation: 270, isMirrored: true }, 'fc/eb/da'],
];

const codes = (text: string) => Int8Array.from(text.replaceAll('/', ''), (letter) => letter.charCodeAt(0));

describe('orientation', () => {
  for (const [orientation, expected] of CASES) {
    const { width, height } = turnSize(orientation, { width: 3, height: 2 });

    test(`${JSON.stringify(orientation)} displays abc/def as ${expected}`, () => {
      const displayed = new Int8Array(6);
      toDisplayed(orientation, width, height, codes('abc/def'), displayed);
      assert.deepEqual(displayed, codes(expected));
      const stored = new Int8Array(6);
      toStored(orientation, width, height, displayed, stored);
      assert.deepEqual(stored, codes('abc/def'));
    });

    test(`${JSON.stringify(orientation)} finds the stored place of each displayed sample`, () => {
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const place = toStoredRectangle(orientation, { x, y, width: 1, height: 1 }, { width, height });
          assert.equal('abcdef'[place.y * 3 + place.x], expected.split('/')[y]?.[x]);
        }
    });
  }
});
