// The shape of a clip: its active rectangle, from the same first frames for the writer and the reader.
import { BarDetector } from './core/bars.ts';
import type { ClipShape } from './core/thumbs.ts';
import type { Clip } from './media/clip.ts';
import type { Frame } from './media/frames.ts';

/** Reads the first frames of a clip. */
export async function readShape(
  clip: Pick<Clip, 'orientation' | 'pixelAspect'>,
  frames: AsyncIterable<Frame>,
): Promise<ClipShape> {
  const { orientation, pixelAspect } = clip;
  let detector: BarDetector | undefined;
  let size = { width: 0, height: 0 };
  for await (const { picture, time } of frames) {
    size = { width: picture.width, height: picture.height };
    detector ??= new BarDetector(size.width, size.height, orientation);
    if (detector.add(picture, time)) break;
  }
  if (detector === undefined) throw new RangeError('a clip has at least one frame');
  const isTurned = orientation.rotation === 90 || orientation.rotation === 270;
  const aspect = pixelAspect.num / pixelAspect.den;
  return { ...size, orientation, rectangle: detector.rectangle, pixelAspect: isTurned ? 1 / aspect : aspect };
}
