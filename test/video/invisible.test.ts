// Invisibility of the pattern in decoded pictures: PSNR and SSIM of luma, and the change of flat pictures.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Embedder } from '../../src/video/core/embedder.ts';
import { layoutOf } from '../../src/video/core/layout.ts';
import { UPRIGHT } from '../../src/video/core/orient.ts';
import { createPicture, type Picture } from '../../src/video/core/picture.ts';
import { PROFILES } from '../../src/video/core/profiles.ts';
import { vectorClip } from './clip.ts';
import { key, payloadOf } from './vectors.ts';

const LEAST_PSNR = 46;
const LEAST_PSNR_OF_A_FRAME = 44;
const LEAST_SSIM = 0.995;
const SECONDS_PER_PICTURE = 0.1;

/** Changes the pictures in place. */
async function mark(clip: readonly Picture[], bytes: number): Promise<void> {
  const { width, height } = clip[0] ?? createPicture(0, 0);
  const layout = layoutOf({ width, height, orientation: UPRIGHT }, { x: 0, y: 0, width, height });
  const profile = PROFILES.find((candidate) => candidate.bytes === bytes);
  assert.ok(layout && profile);
  const embedder = new Embedder(layout, key, profile, payloadOf(bytes));
  const timeOf = (i: number) => i * SECONDS_PER_PICTURE;
  for (const [i, picture] of clip.entries()) embedder.look(picture, timeOf(i), SECONDS_PER_PICTURE);
  await embedder.plan('invisible', async () => {});
  for (const [i, picture] of clip.entries()) embedder.change(picture, timeOf(i), SECONDS_PER_PICTURE);
}

function meanSquaredError(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + (value - (b[i] ?? Number.NaN)) ** 2, 0) / a.length;
}

const psnr = (error: number) => 10 * Math.log10(255 ** 2 / error);

const WINDOW = 8;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/** Structural similarity of luma, in windows of 8×8 samples that overlap by half. */
function ssim(a: Picture, b: Picture): number {
  let sum = 0;
  let count = 0;
  for (let y = 0; y + WINDOW <= a.height; y += WINDOW / 2)
    for (let x = 0; x + WINDOW <= a.width; x += WINDOW / 2) {
      sum += windowSsim(a, b, x, y);
      count++;
    }
  return sum / count;
}

function windowSsim(a: Picture, b: Picture, left: number, top: number): number {
  let [sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0];
  for (let y = top; y < top + WINDOW; y++)
    for (let x = left; x < left + WINDOW; x++) {
      const va = a.y[y * a.strideY + x] ?? Number.NaN;
      const vb = b.y[y * b.strideY + x] ?? Number.NaN;
      sa += va;
      sb += vb;
      saa += va * va;
      sbb += vb * vb;
      sab += va * vb;
    }
  const n = WINDOW * WINDOW;
  const [ma, mb] = [sa / n, sb / n];
  const similarity = (2 * ma * mb + C1) / (ma * ma + mb * mb + C1);
  return (similarity * (2 * (sab / n - ma * mb) + C2)) / (saa / n - ma * ma + sbb / n - mb * mb + C2);
}

describe('a marked clip', () => {
  for (const bytes of [16, 128, 256])
    test(`${bytes} bytes: PSNR-Y and SSIM-Y stay above the limits`, async () => {
      const clip = vectorClip(key);
      const original = vectorClip(key);
      await mark(clip, bytes);
      const errors = clip.map((picture, i) => meanSquaredError(picture.y, original[i]?.y ?? new Uint8Array()));
      const mean = psnr(errors.reduce((sum, error) => sum + error, 0) / errors.length);
      assert.ok(mean >= LEAST_PSNR, `PSNR-Y ${mean}`);
      assert.ok(psnr(Math.max(...errors)) >= LEAST_PSNR_OF_A_FRAME);
      // One picture of each second, since all pictures of a second have the same pattern.
      for (let i = 0; i < clip.length; i += 10) {
        const similarity = ssim(clip[i] ?? createPicture(0, 0), original[i] ?? createPicture(0, 0));
        assert.ok(similarity >= LEAST_SSIM, `SSIM-Y ${similarity} of picture ${i}`);
      }
    });

  for (const luma of [16, 60, 128, 235])
    test(`flat luma ${luma}: no sample changes by more than 1`, async () => {
      const clip = Array.from({ length: 50 }, () => createPicture(320, 240));
      for (const { y } of clip) y.fill(luma);
      await mark(clip, 16);
      for (const { y, u, v } of clip) {
        assert.ok(y.every((value) => Math.abs(value - luma) <= 1));
        assert.ok([u, v].every((plane) => plane.every((value) => Math.abs(value - 128) <= 1)));
      }
    });
});
