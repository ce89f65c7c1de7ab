// The whole-clip vector: the writer from pictures to pictures.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CLIP, vectorClip } from '../../../test/video/clip.ts';
import { key, payloadOf, profileNamed, sha256, vectors } from '../../../test/video/vectors.ts';
import { CarrierTable, LUMA } from './carriers.ts';
import { featureCount, toFeatures } from './dct.ts';
import { Embedder } from './embedder.ts';
import { layoutOf } from './layout.ts';
import { type Orientation, toDisplayed, toStored, turnSize, UPRIGHT } from './orient.ts';
import { encodeBlock, toBits } from './payload.ts';
import { createPicture, type Picture } from './picture.ts';
import { codeOf, encode } from './polar.ts';
import { PROFILES, type Profile } from './profiles.ts';
import { cellMeans } from './reduce.ts';
import { projection } from './solve.ts';

const { width, height, framesPerSecond } = CLIP;
const duration = 1 / framesPerSecond;
const noPause = async () => {};
const layout = layoutOf({ width, height, orientation: UPRIGHT }, { x: 0, y: 0, width, height });
assert.ok(layout);

const hashOf = (clip: Picture[]) => sha256(...clip.flatMap(({ y, u, v }) => [y, u, v]));

/** Coherence of luma with the code word, from cell means over each second, by definition of the format. */
function coherenceOf(clip: Picture[], step: number, profile: Profile): number {
  const grid = { columns: 64, rows: 36 };
  const code = encode(codeOf(profile), toBits(encodeBlock(payloadOf(profile.bytes), profile.bytes, key)));
  const table = new CarrierTable(key, profile, LUMA, grid);
  const features = new Float64Array(featureCount(grid));
  const means = new Float64Array(64 * 36);
  let sum = 0;
  let count = 0;
  for (let segment = 0; segment < clip.length / framesPerSecond; segment++) {
    const cells = new Float64Array(64 * 36);
    for (const { y, strideY } of clip.slice(segment * framesPerSecond, (segment + 1) * framesPerSecond)) {
      cellMeans({ x: 0, y: 0, width, height }, 64, 36).reduce(y, strideY, means);
      for (const [i, mean] of means.entries()) cells[i] = (cells[i] ?? 0) + mean / framesPerSecond;
    }
    toFeatures(cells, grid, features);
    const carriers = table.segment(segment);
    for (const [i, dither] of carriers.dithers.entries()) {
      const bit = code[carriers.bits[i] ?? -1] ?? 0;
      sum += Math.cos(2 * Math.PI * (projection(carriers, features, i) / step - dither - bit / 2));
      count++;
    }
  }
  return sum / count;
}

/** The picture as displayed of a stored one, or the reverse. */
function turned(picture: Picture, orientation: Orientation, turn: typeof toStored): Picture {
  const target = turnSize(orientation, picture);
  const result = createPicture(target.width, target.height);
  const bytes = ({ buffer, byteOffset, length }: Uint8Array) => new Int8Array(buffer, byteOffset, length);
  const size = turn === toStored ? picture : result;
  const turnPlane = (from: Uint8Array, to: Uint8Array, w: number, h: number) =>
    turn(orientation, w, h, bytes(from), bytes(to));
  turnPlane(picture.y, result.y, size.width, size.height);
  turnPlane(picture.u, result.u, size.width >> 1, size.height >> 1);
  turnPlane(picture.v, result.v, size.width >> 1, size.height >> 1);
  return result;
}

/** The tolerance of the format for another implementation. */
function assertClose(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 0.02, `${actual} instead of ${expected}`);
}

describe('embedder', () => {
  test('the clip is that of the vectors', () => assert.equal(hashOf(vectorClip(key)), vectors.clip.hash));

  for (const expected of vectors.clip.cases)
    test(`${expected.payloadBytes} bytes: steps, rms, PSNR and frames are those of the vectors`, async () => {
      const profile = PROFILES.find(({ bytes }) => bytes === expected.payloadBytes);
      assert.ok(profile);
      const clip = vectorClip(key);
      const embedder = new Embedder(layout, key, profile, payloadOf(profile.bytes));
      for (const [i, picture] of clip.entries()) embedder.look(picture, i / framesPerSecond, duration);
      const { luma, chroma } = await embedder.plan('invisible', noPause);
      for (const [i, picture] of clip.entries()) embedder.change(picture, i / framesPerSecond, duration);

      assert.deepEqual([luma.step, chroma.step], expected.steps);
      assertClose(luma.rms, expected.rms[0]);
      assertClose(chroma.rms, expected.rms[1]);
      assertClose(embedder.psnr, expected.psnr);
      assert.equal(hashOf(clip), expected.hash);
      assert.ok(coherenceOf(clip, luma.step, profile) >= 0.99);
    });

  for (const rotation of [90, 180, 270] as const)
    for (const isMirrored of [false, true])
      test(`a clip stored with rotation ${rotation}, mirrored ${isMirrored}, is marked as displayed`, async () => {
        const orientation = { rotation, isMirrored };
        const profile = profileNamed('token');
        const clip = vectorClip(key).map((picture) => turned(picture, orientation, toStored));
        const [first] = clip;
        assert.ok(first);
        const shape = { width: first.width, height: first.height, orientation };
        const turnedLayout = layoutOf(shape, { x: 0, y: 0, width, height });
        assert.ok(turnedLayout);
        const embedder = new Embedder(turnedLayout, key, profile, payloadOf(profile.bytes));
        for (const [i, picture] of clip.entries()) embedder.look(picture, i / framesPerSecond, duration);
        const { luma } = await embedder.plan('invisible', noPause);
        for (const [i, picture] of clip.entries()) embedder.change(picture, i / framesPerSecond, duration);
        const displayed = clip.map((picture) => turned(picture, orientation, toDisplayed));
        assert.ok(coherenceOf(displayed, luma.step, profile) >= 0.99);
      });

  test('a pause that throws ends the planning', async () => {
    const profile = profileNamed('token');
    const embedder = new Embedder(layout, key, profile, payloadOf(profile.bytes));
    for (let second = 0; second < 3; second++) embedder.look(createPicture(width, height), second, 1);
    let pauses = 0;
    const pause = async () => {
      if (++pauses === 5) throw new Error('aborted');
    };
    await assert.rejects(embedder.plan('invisible', pause), { message: 'aborted' });
    assert.equal(pauses, 5);
  });
});
