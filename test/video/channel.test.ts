import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Orientation } from '../../src/video/core/orient.ts';
import {
  blur,
  type Change,
  type Clip,
  change,
  cut,
  drop,
  fadeIn,
  gain,
  noise,
  requantize,
  resample,
  scale,
  skip,
  texturedClip,
} from './pictures.ts';
import { read } from './read.ts';
import { key, payloadOf } from './vectors.ts';
import { write } from './write.ts';

const PROFILES = { token: 16, b128: 128, b256: 256, b512: 512 } as const;
type ProfileName = keyof typeof PROFILES;

async function assertRead(clip: Clip, profile: ProfileName): Promise<void> {
  const found = await read(clip);
  assert.ok(typeof found === 'object', `${found}`);
  assert.deepEqual(found.payload, payloadOf(PROFILES[profile]));
  assert.equal(found.profile.name, profile);
}

const mark = (clip: Clip, profile: ProfileName) => write(clip, profile, payloadOf(PROFILES[profile]));

const CHANNELS: Record<string, readonly Change[]> = {
  blur: [blur],
  'noise of σ 2': [noise(2)],
  'samples rounded to multiples of 6': [requantize(6)],
  'half size': [scale(240, 134)],
  'two thirds of the size': [scale(320, 180)],
  'gain 0.98': [gain(0.98)],
  'gain 1.02': [gain(1.02)],
  'bars above and below': [cut(0, 0, -46, -44)],
  'every third frame dropped': [drop((i) => i % 3 === 1)],
  '2 % cut off each side': [cut(10, 10, 6, 6)],
  '5 % cut off the left side': [cut(24, 0, 0, 0)],
  'a start 0.4 s later': [skip(0.4)],
};

describe('channels without a codec', () => {
  const clip = texturedClip(480, 270, 5, 6);
  let token: Clip;
  before(async () => {
    token = await mark(clip, 'token');
  });

  for (const [name, changes] of Object.entries(CHANNELS))
    test(`a token survives: ${name}`, () => assertRead(change(token, ...changes), 'token'));

  for (const profile of ['b128', 'b256'] as const)
    test(`${profile} survives two thirds of the size`, async () =>
      assertRead(scale(320, 180)(await mark(clip, profile)), profile));

  test('b512 survives two thirds of the size', async () =>
    assertRead(scale(320, 180)(await mark(texturedClip(480, 270, 5, 10), 'b512')), 'b512'));

  for (const [width, height] of [
    [270, 480],
    [320, 240],
    [256, 256],
    [560, 252],
  ] as const)
    test(`a token is read from ${width}×${height}`, async () =>
      assertRead(blur(await mark(texturedClip(width, height, 5, 5), 'token')), 'token'));

  for (const isMirrored of [false, true])
    test(`a token is read from pictures stored ${isMirrored ? 'mirrored and ' : ''}turned by 90°`, async () => {
      const orientation: Orientation = { rotation: 90, isMirrored };
      const marked = await write(texturedClip(270, 480, 5, 5), 'token', payloadOf(16), key, orientation);
      const found = await read(marked, { orientation });
      assert.ok(typeof found === 'object', `${found}`);
      assert.deepEqual(found.payload, payloadOf(16));
    });

  test('1240×720, scaled to 826×480, is read with the grid of the original', async () =>
    assertRead(scale(826, 480)(await mark(texturedClip(1240, 720, 2, 5), 'token')), 'token'));

  test('30 frames per second, converted to 25, 24 and 60', async () => {
    const marked = await mark(texturedClip(320, 240, 30, 5), 'token');
    return assertRead(change(marked, resample(25), resample(24), resample(60)), 'token');
  });

  test('a fade in from black', async () =>
    assertRead(blur(await mark(fadeIn(1.5)(texturedClip(320, 240, 10, 6)), 'token')), 'token'));
});
