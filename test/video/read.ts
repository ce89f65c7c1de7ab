// Reads a clip of decoded pictures with the core, as `reveal` does with a file.
import { BarDetector } from '../../src/video/core/bars.ts';
import { Extractor, type Result } from '../../src/video/core/extractor.ts';
import type { Rectangle } from '../../src/video/core/grid.ts';
import type { PictureShape } from '../../src/video/core/layout.ts';
import { UPRIGHT } from '../../src/video/core/orient.ts';
import type { Clip } from './pictures.ts';
import { key } from './vectors.ts';

export interface ReadOptions {
  readonly keys?: readonly Uint8Array[];
  readonly deep?: boolean;
  readonly pause?: () => Promise<void>;
}

/** What the core has to know about a clip. */
export function shapeOf(clip: Clip): { shape: PictureShape; area: Rectangle } {
  const first = clip[0]?.picture;
  if (first === undefined) throw new Error('the clip has no frames');
  const { width, height } = first;
  const bars = new BarDetector(width, height, UPRIGHT);
  for (const { picture, time } of clip) if (bars.add(picture, time)) break;
  return { shape: { width, height, orientation: UPRIGHT }, area: bars.rectangle };
}

export async function read(clip: Clip, options: ReadOptions = {}): Promise<Exclude<Result, 'again'>> {
  const { keys = [key], deep = false, pause = async () => {} } = options;
  const extractor = new Extractor({ ...shapeOf(clip), keys, deep, pause });
  for (;;) {
    for (const { picture, time, duration } of clip) {
      const found = await extractor.add(picture, time, duration);
      if (found) return found;
    }
    const result = await extractor.finish();
    if (result !== 'again') return result;
  }
}
