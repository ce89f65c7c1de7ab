import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { Extractor } from '../../src/video/core/extractor.ts';
import { gridOf } from '../../src/video/core/grid.ts';
import { type Clip, change, cut, skip, texturedClip } from './pictures.ts';
import { read, shapeOf } from './read.ts';
import { key, payloadOf } from './vectors.ts';
import { write } from './write.ts';

const otherKey = key.map((byte) => byte ^ 1);
const clip = texturedClip(480, 270, 5, 6);
let marked: Clip;
before(async () => {
  marked = await write(clip, 'token', payloadOf(16));
});

describe('clips without a readable payload', () => {
  test('an unmarked clip: nothing is found', async () => assert.equal(await read(clip), 'nothing'));

  test('a still picture: nothing is found', async () => {
    const still = clip.map((frame) => ({ ...frame, picture: clip[0]?.picture ?? frame.picture }));
    assert.equal(await read(still), 'nothing');
  });

  test('the wrong key: nothing is found', async () =>
    assert.equal(await read(marked, { keys: [otherKey] }), 'nothing'));

  test('too short for the payload: the mark is found but damaged', async () => {
    const start = (await write(clip, 'b256', payloadOf(256))).slice(0, 11);
    assert.equal(await read(start), 'damaged');
  });

  test('a clip of one frame: nothing is found', async () => assert.equal(await read(clip.slice(0, 1)), 'nothing'));
});

describe('reading', () => {
  test('the number of the key that fits is returned', async () => {
    const found = await read(marked, { keys: [otherKey, key] });
    assert.ok(typeof found === 'object');
    assert.equal(found.keyIndex, 1);
  });

  test('an error of the pause callback ends the search', async () => {
    let pauses = 0;
    const pause = async () => {
      if (++pauses > 60) throw new Error('aborted');
    };
    await assert.rejects(read(change(marked, cut(10, 10, 6, 6), skip(0.4)), { pause }), /aborted/);
  });

  test('a picture that has no grid is refused', () => {
    const { shape } = shapeOf(clip);
    const area = { x: 0, y: 0, width: 480, height: 60 };
    assert.equal(gridOf(480, 60), undefined);
    assert.throws(() => new Extractor({ shape, area, keys: [key], pause: async () => {} }), RangeError);
  });
});
