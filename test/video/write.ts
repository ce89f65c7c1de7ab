// Hides a payload in a clip of decoded pictures with the core, as `hide` does with a file.
import assert from 'node:assert/strict';
import { Embedder } from '../../src/video/core/embedder.ts';
import { layoutOf } from '../../src/video/core/layout.ts';
import type { Orientation } from '../../src/video/core/orient.ts';
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
export async function write(
  clip: Clip,
  profile: string,
  payload: Uint8Array,
  patternKey: Uint8Array = key,
  orientation?: Orientation,
): Promise<Clip> {
  const { shape, area } = shapeOf(clip, orientation);
  const layout = layoutOf(shape, area);
  assert.ok(layout);
  const embedder = new Embedder(layout, patternKey, profileNamed(profile), payload);
  for (const { picture, time, duration } of clip) embedder.look(picture, time, duration);
  await embedder.plan('invisible', async () => {});
  return clip.map((frame) => {
    const picture = copy(frame.picture);
    embedder.change(picture, frame.time, frame.duration);
    return { ...frame, picture };
  });
}
