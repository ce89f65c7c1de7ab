// The whole-clip vector: the writer from pictures to pictures.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CLIP, vectorClip } from '../../../test/video/clip.ts';
import { key, payloadOf, sha256, vectors } from '../../../test/video/vectors.ts';
import { Embedder } from './embedder.ts';
import { layoutOf } from './layout.ts';
import { UPRIGHT } from './orient.ts';
import type { Picture } from './picture.ts';
import { PROFILES } from './profiles.ts';

const { width, height, framesPerSecond } = CLIP;
const duration = 1 / framesPerSecond;
const layout = layoutOf({ width, height, orientation: UPRIGHT }, { x: 0, y: 0, width, height });
assert.ok(layout);

const hashOf = (clip: Picture[]) => sha256(...clip.flatMap(({ y, u, v }) => [y, u, v]));

/** The tolerance of the format for another implementation. */
function assertClose(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 0.02, `${actual} instead of ${expected}`);
}

describe('embedder', () => {
  test('the clip is that of the vectors', () => assert.equal(hashOf(vectorClip(key)), vectors.clip.hash));

  for (const expected of vectors.clip.cases)
    test(`${expected.payloadBytes} bytes: steps, rms, PSNR and frames are those of the vectors`, () => {
      const profile = PROFILES.find(({ bytes }) => bytes === expected.payloadBytes);
      assert.ok(profile);
      const clip = vectorClip(key);
      const embedder = new Embedder(layout, key, profile, payloadOf(profile.bytes));
      for (const [i, picture] of clip.entries()) embedder.look(picture, i / framesPerSecond, duration);
      const { luma, chroma } = embedder.plan('invisible');
      for (const [i, picture] of clip.entries()) embedder.change(picture, i / framesPerSecond, duration);

      assert.deepEqual([luma.step, chroma.step], expected.steps);
      assertClose(luma.rms, expected.rms[0]);
      assertClose(chroma.rms, expected.rms[1]);
      assertClose(embedder.psnr, expected.psnr);
      assert.equal(hashOf(clip), expected.hash);
    });
});
