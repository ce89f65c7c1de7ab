// Decodes the video of a clip: 8-bit pictures in the order of display, with their times.
import { type VideoSample, VideoSampleSink } from 'mediabunny';
import type { Picture } from '../core/picture.ts';
import { VideoError } from '../errors.ts';
import type { Clip } from './clip.ts';
import { PlaneBuffer, planeFormat } from './planes.ts';

/** A decoded frame. The next one overwrites its picture. */
export interface Frame {
  readonly picture: Picture;
  /** Seconds since the first presented frame. */
  readonly time: number;
  /** Seconds until the next frame. */
  readonly duration: number;
  /** Seconds on the time line of the file, on which its audio is placed. */
  readonly timestamp: number;
}

/** Frames that end this early were cut off by an edit list; float32 and rounded times are no more precise. */
const EPSILON_SECONDS = 1e-6;

/**
 * Decodes the frames that a player shows. A damaged rest of the clip is left out.
 *
 * @throws VideoError `unreadable` if not one frame can be decoded, `aborted`, `unsupported_codec`
 */
export async function* decodeFrames(clip: Clip, signal?: AbortSignal): AsyncGenerator<Frame, void, void> {
  const sink = new VideoSampleSink(clip.video, { hardwareAcceleration: 'prefer-software' });
  const samples = sink.samples();
  const reader = new SampleReader();
  let frame: Frame | undefined;
  let sample: VideoSample | undefined;
  try {
    for (;;) {
      throwIfAborted(signal);
      sample = await nextSample(samples, frame !== undefined);
      throwIfAborted(signal);
      if (frame !== undefined) yield sample === undefined ? frame : until(frame, sample.timestamp);
      if (sample === undefined) break;
      frame = await reader.read(sample, frame);
      // Decoders stop when too many are open.
      sample.close();
    }
    if (frame === undefined) throw new VideoError('unreadable', 'No frame of the video can be decoded.');
  } finally {
    sample?.close();
    await samples.return();
  }
}

/** Containers store durations in the order of decoding, so the next frame decides. */
function until(frame: Frame, timestamp: number): Frame {
  return { ...frame, duration: Math.max(0, timestamp - frame.timestamp) };
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new VideoError('aborted', 'Aborted.');
}

async function nextSample(samples: AsyncGenerator<VideoSample>, hasRead: boolean): Promise<VideoSample | undefined> {
  try {
    return (await samples.next()).value;
  } catch (error) {
    // The rest of a truncated file.
    if (hasRead) return undefined;
    throw new VideoError('unreadable', 'The video cannot be decoded.', { cause: error });
  }
}

/** Copies samples into one picture, which is reused. */
class SampleReader {
  #origin: number | undefined;
  #buffer: PlaneBuffer | undefined;
  #format: string | null = null;

  /**
   * @param previous the frame before
   * @returns undefined if a player does not show the sample
   */
  async read(sample: VideoSample, previous: Frame | undefined): Promise<Frame | undefined> {
    const end = sample.timestamp + sample.duration;
    if (end <= EPSILON_SECONDS && sample.timestamp < 0) return undefined;
    const timestamp = Math.max(0, sample.timestamp);
    this.#origin ??= timestamp;
    const picture = await this.#copy(sample);
    const duration = end > timestamp ? end - timestamp : (previous?.duration ?? 0);
    return { picture, time: timestamp - this.#origin, duration, timestamp };
  }

  async #copy(sample: VideoSample): Promise<Picture> {
    const { visibleRect, format } = sample;
    const [width, height] = [visibleRect.width & ~1, visibleRect.height & ~1];
    const buffer = this.#bufferFor(format, width, height);
    // Chroma samples cannot be halved, so the rectangle starts at an even sample.
    const rect = { x: visibleRect.left & ~1, y: visibleRect.top & ~1, width, height };
    await sample.copyTo(buffer.bytes, { rect, layout: buffer.layout });
    buffer.convert();
    return buffer.picture;
  }

  #bufferFor(name: string | null, width: number, height: number): PlaneBuffer {
    if (this.#buffer === undefined) {
      const format = planeFormat(name);
      if (format === undefined) throw unsupported(`The pixel format of the video (${name}) is not supported.`);
      this.#buffer = new PlaneBuffer(format, width, height, /^I4\d\dA/.test(name ?? ''));
      this.#format = name;
    }
    const { picture } = this.#buffer;
    if (picture.width !== width || picture.height !== height || name !== this.#format) {
      throw unsupported('The size of the picture or its pixel format changes within the video.');
    }
    return this.#buffer;
  }
}

function unsupported(message: string): VideoError {
  return new VideoError('unsupported_codec', message);
}
