// Reads a clip of decoded pictures with the core, as `reveal` does with a file.
import { BarDetector } from '../../src/video/core/bars.ts';
import { Extractor, type Result } from '../../src/video/core/extractor.ts';
import type { Rectangle } from '../../src/video/core/grid.ts';
import type { PictureShape } from '../../src/video/core/layout.ts';
import { type Orientation, UPRIGHT } from '../../src/video/core/orient.ts';
import type { Clip } from './pictures.ts';
import { key } from './vectors.ts';

export interface ReadOptions {
  readonly keys?: readonly Uint8Array[];
  readonly deep?: boolean;
  readonly orientation?: Orientation;
  readonly pause?: () => Promise<void>;
}

/** Shape and active area of a clip. */
export function shapeOf(clip: Clip, orientation = UPRIGHT): { shape: PictureShape; area: Rectangle } {
  const first = clip[0]?.picture;
  if (first === undefined) throw new Error('the clip has no frames');
  const { width, height } = first;
  const bars = new BarDetector(width, height, orientation);
  for (const { picture, time } of clip) if (bars.add(picture, time)) break;
  return { shape: { width, height, orientation }, area: bars.rectangle };
}

export async function read(clip: Clip, options: ReadOptions = {}): Promise<Exclude<Result, 'again'>> {
  const { keys = [key], deep = false, orientation, pause = async () => {} } = options;
  const extractor = new Extractor({ ...shapeOf(clip, orientation), keys, deep, pause });
  for (;;) {
    for (const { picture, time, duration } of clip) {
      const found = await extractor.add(picture, time, duration);
      if (found) return found;
    }
    const result = await extractor.finish();
    if (result !== 'again') return result;
  }
}
