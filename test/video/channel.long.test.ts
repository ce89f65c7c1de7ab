import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { blur, type Change, type Clip, change, cut, gain, noise, scale, skip, texturedClip, turn } from './pictures.ts';
import { read } from './read.ts';
import { payloadOf } from './vectors.ts';
import { write } from './write.ts';

const PROFILES = { token: 16, b128: 128, b256: 256, b512: 512 } as const;

/** Samples of 1 to 5 % of 480×270. */
const CUTS = [
  [4, 2],
  [10, 6],
  [14, 8],
  [20, 10],
  [24, 14],
] as const;

for (const [profile, bytes] of Object.entries(PROFILES))
  describe(`channels without a codec: ${profile}`, () => {
    const seconds = profile === 'b512' ? 11 : 6;
    let marked: Clip;
    before(async () => {
      marked = await write(texturedClip(480, 270, 10, seconds), profile, payloadOf(bytes));
    });

    async function assertRead(...changes: Change[]): Promise<void> {
      const found = await read(change(marked, ...changes));
      assert.ok(typeof found === 'object', `${found}`);
      assert.deepEqual(found.payload, payloadOf(bytes));
    }

    for (const [across, down] of CUTS) {
      test(`${across} and ${down} samples cut off each side`, () => assertRead(cut(across, across, down, down)));
      test(`${across} samples cut off the left`, () => assertRead(cut(across, 0, 0, 0)));
      test(`${across} samples cut off the right`, () => assertRead(cut(0, across, 0, 0)));
      test(`${down} samples cut off the top`, () => assertRead(cut(0, 0, down, 0)));
      test(`${down} samples cut off the bottom`, () => assertRead(cut(0, 0, 0, down)));
    }
    test('an area off center', () => assertRead(cut(20, 4, 4, 10)));
    test('cut, noise and two thirds of the size', () => assertRead(cut(10, 10, 6, 6), noise(2), scale(300, 168)));
    test('cut in space and time', () => assertRead(cut(10, 10, 6, 6), skip(0.7)));
    test('blurred twice', () => assertRead(blur, blur));
  });

test('a mark that begins after 37 s is found', async () => {
  const clip = texturedClip(320, 240, 4, 47);
  const marked = await write(clip.slice(0, 40), 'token', payloadOf(16));
  const mixed = [...clip.slice(0, 147), ...marked].map(({ picture }, i) => ({ picture, time: i / 4, duration: 1 / 4 }));
  const found = await read(mixed);
  assert.ok(typeof found === 'object', `${found}`);
  assert.deepEqual(found.payload, payloadOf(16));
});

describe('deep search', () => {
  const clip = texturedClip(480, 270, 5, 6);
  const changes: Record<string, readonly Change[]> = {
    'limited range read as full range': [gain(255 / 219)],
    'full range read as limited range': [gain(219 / 255)],
    mirrored: [turn({ rotation: 0, isMirrored: true })],
    'turned by 90°': [turn({ rotation: 90, isMirrored: false })],
    'turned by 180°': [turn({ rotation: 180, isMirrored: false })],
    'turned by 270°': [turn({ rotation: 270, isMirrored: false })],
    'cut differently in width and height': [cut(12, 0, 0, 8)],
  };
  for (const [name, made] of Object.entries(changes))
    test(`finds a clip that is ${name}`, async () => {
      const marked = await write(clip, 'token', payloadOf(16));
      const found = await read(change(marked, ...made), { deep: true });
      assert.ok(typeof found === 'object', `${found}`);
      assert.deepEqual(found.payload, payloadOf(16));
    });
});

describe('cut in time', () => {
  let marked: Clip;
  before(async () => {
    marked = await write(texturedClip(320, 240, 20, 11), 'token', payloadOf(16));
  });

  for (let offset = 0; offset < 37; offset++)
    test(`starts ${offset * 3} frames later`, async () => {
      const later = skip(offset * 0.15)(marked).slice(0, 105);
      const found = await read(later);
      assert.ok(typeof found === 'object', `${found}`);
      assert.deepEqual(found.payload, payloadOf(16));
    });
});
