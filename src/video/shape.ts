// The layout of a clip, decided from the same first frames by the writer and the reader.
import { BarDetector } from './core/bars.ts';
import type { Rectangle } from './core/grid.ts';
import { type Layout, layoutOf, type PictureShape } from './core/layout.ts';
import { VideoError } from './errors.ts';
import type { Clip } from './media/clip.ts';
import type { Frame } from './media/frames.ts';

export interface Shape {
  readonly shape: PictureShape;
  /** The active rectangle as displayed. */
  readonly area: Rectangle;
  readonly layout: Layout;
}

/**
 * Reads the first frames of a clip.
 *
 * @throws VideoError `unsupported_shape`
 */
export async function readShape(
  { orientation, pixelAspect }: Pick<Clip, 'orientation' | 'pixelAspect'>,
  frames: AsyncIterable<Frame>,
): Promise<Shape> {
  let detector: BarDetector | undefined;
  let size = { width: 0, height: 0 };
  for await (const { picture, time } of frames) {
    size = { width: picture.width, height: picture.height };
    detector ??= new BarDetector(size.width, size.height, orientation);
    if (detector.add(picture, time)) break;
  }
  if (detector === undefined) throw new RangeError('a clip has at least one frame');
  const shape = { ...size, orientation, pixelAspect: pixelAspect.num / pixelAspect.den };
  const layout = layoutOf(shape, detector.rectangle);
  if (layout === undefined) throw unsupportedShape();
  return { shape, area: detector.rectangle, layout };
}

export function unsupportedShape(): VideoError {
  return new VideoError(
    'unsupported_shape',
    'The picture is too long for its short side. Supported: up to 3.5 times as long as wide.',
  );
}
