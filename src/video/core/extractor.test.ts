import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { CLIP, vectorClip } from '../../../test/video/clip.ts';
import type { Clip } from '../../../test/video/pictures.ts';
import { read } from '../../../test/video/read.ts';
import { key, payloadOf, vectors } from '../../../test/video/vectors.ts';
import { write } from '../../../test/video/write.ts';
import { wholePicture } from './geometry.ts';
import { layoutOf } from './layout.ts';
import { UPRIGHT } from './orient.ts';
import { ReaderKey } from './readerKey.ts';
import { fold, templateScore } from './score.ts';
import { measure } from './soft.ts';
import { ThumbReader } from './thumbs.ts';
import { CellTrack, featuresOf } from './track.ts';
import { ThumbWindow } from './window.ts';

const { width, height, framesPerSecond } = CLIP;
const layout = layoutOf({ width, height, orientation: UPRIGHT }, { x: 0, y: 0, width, height });
assert.ok(layout);

/** Cell means of the whole picture. */
async function trackOf(clip: Clip): Promise<CellTrack> {
  assert.ok(layout);
  const reader = new ThumbReader(layout);
  const window = new ThumbWindow(reader.layout);
  for (const [i, { picture }] of clip.entries()) window.add(reader.read(picture), (i + 1) / framesPerSecond);
  const track = new CellTrack(window, wholePicture(reader.layout, layout.grid));
  await track.update(async () => {});
  return track;
}

const readerKey = new ReaderKey(key);
const duration = 1 / framesPerSecond;
const plain: Clip = vectorClip(key).map((picture, i) => ({ picture, time: i * duration, duration }));

describe('reader', () => {
  for (const expected of vectors.clip.cases)
    describe(`whole-clip vector with ${expected.payloadBytes} bytes`, () => {
      const payload = payloadOf(expected.payloadBytes);
      const profile = expected.payloadBytes === 16 ? 'token' : 'b256';
      let marked: Clip;
      before(async () => {
        marked = await write(plain, profile, payload);
      });

      test('the template scores are those of the vectors', async () => {
        const cells = (await trackOf(marked)).segments(0);
        const folded = fold(
          cells.map(({ luma }) => luma),
          layout.grid,
        );
        const scores = [0, 1, 2, 3, 4].map((shift) => templateScore(folded, readerKey, shift));
        for (const [shift, score] of scores.entries())
          assert.ok(Math.abs(score - expected.templateScores[shift]) < 0.05, `shift ${shift}: ${score}`);
      });

      test('the pilots have a coherence of 0.99', async () => {
        const features = featuresOf(layout.grid, (await trackOf(marked)).segments(0));
        const [best] = measure(features, readerKey, 0);
        assert.equal(best?.profile.name, profile);
        assert.deepEqual([best.luma.step, best.chroma.step], expected.steps);
        assert.ok(best.luma.coherence >= 0.99 && best.chroma.coherence >= 0.99);
      });

      test('the payload is read, also without the first 13 frames', async () => {
        const found = await read(marked);
        assert.ok(typeof found === 'object');
        assert.deepEqual(found.payload, payload);
        assert.equal(found.keyIndex, 0);

        const cut = marked.slice(13).map((frame, i) => ({ ...frame, time: i * duration }));
        const later = await read(cut);
        assert.ok(typeof later === 'object');
        assert.deepEqual(later.payload, payload);
      });

      if (expected.payloadBytes === 256)
        test('a segment that is 0.3 s off has the coherence of the vectors', async () => {
          const features = featuresOf(layout.grid, (await trackOf(marked.slice(13))).segments(0));
          const [best] = measure(features, readerKey, 1);
          assert.ok(best);
          assert.ok(Math.abs(best.luma.coherence - 0.724) < 0.01, `${best.luma.coherence}`);
          assert.ok(Math.abs(best.chroma.coherence - 0.901) < 0.01, `${best.chroma.coherence}`);
        });
    });
});
