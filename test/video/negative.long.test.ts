import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Keystream } from '../../src/video/core/keystream.ts';
import { change, cut, noise, skip, texturedClip } from './pictures.ts';
import { read } from './read.ts';
import { key, payloadOf } from './vectors.ts';
import { write } from './write.ts';

const SIZES = [
  [480, 270],
  [270, 480],
  [320, 240],
  [256, 256],
  [560, 252],
] as const;

function keyOf(n: number): Uint8Array {
  const stream = new Keystream(key, [n, 0, 1]);
  return Uint8Array.from({ length: 32 }, () => stream.u32());
}

describe('no false payload', () => {
  for (let i = 0; i < 25; i++) {
    const [width, height] = SIZES[i % SIZES.length] ?? SIZES[0];
    const clip = texturedClip(width, height, 5, 6 + (i % 3), 11 * i);

    test(`unmarked clip ${i}`, async () => assert.equal(await read(noise(1)(clip), { keys: [keyOf(i)] }), 'nothing'));

    test(`clip ${i}, marked with another key`, async () => {
      const marked = await write(clip, 'token', payloadOf(16), keyOf(i));
      const channel = change(marked, cut(2 * (i % 5), 0, 4, 0), skip(0.2 * (i % 4)));
      assert.equal(await read(channel, { keys: [keyOf(i + 100), keyOf(i + 200)] }), 'nothing');
    });
  }
});
