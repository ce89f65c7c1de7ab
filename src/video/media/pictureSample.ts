// Copies of pictures that wait for the encoder, in buffers that are used again.
import {
  type VideoDataPlane,
  VideoSample,
  VideoSampleColorSpace,
  type VideoSamplePixelFormat,
  VideoSampleResource,
} from 'mediabunny';
import { createPicture, type Picture } from '../core/picture.ts';
import type { Ratio } from './clip.ts';

/** Display properties of all pictures of a clip. */
interface Appearance {
  readonly pixelAspect: Ratio;
  readonly color: VideoColorSpaceInit;
}

/**
 * Buffers of one size. The garbage collector would be too slow for them: a picture of 4K has 12 MB.
 */
export class PicturePool {
  readonly #appearance: Appearance;
  readonly #free: Picture[] = [];
  #wakeUp: (() => void) | undefined;
  #used = 0;

  constructor(appearance: Appearance) {
    this.#appearance = appearance;
  }

  /** Waits until the encoder has few pictures, so that memory stays small and it is never idle. */
  async waitForRoom(): Promise<void> {
    while (this.#used >= MOST_WAITING) await new Promise<void>((resolve) => (this.#wakeUp = resolve));
  }

  /**
   * Copies a picture.
   *
   * @param timestamp in seconds
   * @param duration in seconds
   * @returns a sample whose buffer becomes free when it and its clones are closed
   */
  sample(picture: Picture, timestamp: number, duration: number): VideoSample {
    const copy = this.#free.pop() ?? createPicture(picture.width, picture.height);
    copyPlane(picture.y, picture.strideY, copy.y, copy.strideY);
    copyPlane(picture.u, picture.strideC, copy.u, copy.strideC);
    copyPlane(picture.v, picture.strideC, copy.v, copy.strideC);
    const resource = new PictureResource(copy, this.#appearance, () => this.#release(copy));
    this.#used++;
    return new VideoSample(resource, { timestamp, duration });
  }

  #release(picture: Picture): void {
    this.#free.push(picture);
    this.#used--;
    this.#wakeUp?.();
  }
}

/** One that is encoded and one that is next. */
const MOST_WAITING = 2;

function copyPlane(from: Uint8Array, stride: number, to: Uint8Array, width: number): void {
  if (stride === width) to.set(from.subarray(0, to.length));
  else
    for (let at = 0, row = 0; at < to.length; at += width, row += stride) to.set(from.subarray(row, row + width), at);
}

class PictureResource extends VideoSampleResource {
  readonly #picture: Picture;
  readonly #appearance: Appearance;
  readonly #release: () => void;

  constructor(picture: Picture, appearance: Appearance, release: () => void) {
    super();
    this.#picture = picture;
    this.#appearance = appearance;
    this.#release = release;
  }

  getFormat(): VideoSamplePixelFormat {
    return 'I420';
  }

  getCodedWidth(): number {
    return this.#picture.width;
  }

  getCodedHeight(): number {
    return this.#picture.height;
  }

  // Only the ratio of both counts.
  getSquarePixelWidth(): number {
    return this.#picture.width * this.#appearance.pixelAspect.num;
  }

  getSquarePixelHeight(): number {
    return this.#picture.height * this.#appearance.pixelAspect.den;
  }

  getColorSpace(): VideoSampleColorSpace {
    return new VideoSampleColorSpace(this.#appearance.color);
  }

  getDataPlanes(): VideoDataPlane[] {
    const { y, u, v, strideY, strideC } = this.#picture;
    return [
      { data: y, stride: strideY },
      { data: u, stride: strideC },
      { data: v, stride: strideC },
    ];
  }

  close(): void {
    this.#release();
  }

  /** Nothing here draws. */
  toRgbSample(): never {
    throw new Error('a picture for an encoder is not converted');
  }
}
