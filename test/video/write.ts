// Hides a payload in a clip of decoded pictures with the core, as `hide` does with a file.
import assert from 'node:assert/strict';
import { Embedder } from '../../src/video/core/embedder.ts';
import { layoutOf } from '../../src/video/core/layout.ts';
import { createPicture, type Picture } from '../../src/video/core/picture.ts';
import type { Clip } from './pictures.ts';
import { shapeOf } from './read.ts';
import { key, profileNamed } from './vectors.ts';

function copy({ width, height, y, u, v }: Picture): Picture {
  const picture = createPicture(width, height);
  picture.y.set(y);
  picture.u.set(u);
  picture.v.set(v);
  return picture;
}

/** @returns the marked clip; `clip` stays unchanged */
export function write(clip: Clip, profile: string, payload: Uint8Array, patternKey = key): Clip {
  const { shape, area } = shapeOf(clip);
  const layout = layoutOf(shape, area);
  assert.ok(layout);
  const embedder = new Embedder(layout, patternKey, profileNamed(profile), payload);
  for (const { picture, time, duration } of clip) embedder.look(picture, time, duration);
  embedder.plan('invisible');
  return clip.map((frame) => {
    const picture = copy(frame.picture);
    embedder.change(picture, frame.time, frame.duration);
    return { ...frame, picture };
  });
}
