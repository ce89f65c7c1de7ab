// Reads a payload back from a file and from a worst-case transcode of it.
import type { Picture } from './core/picture.ts';
import { createPicture } from './core/picture.ts';
import { type AreaMeans, cellMeans } from './core/reduce.ts';
import { extract } from './extract.ts';
import type { PatternKey } from './keys.ts';
import { Clip } from './media/clip.ts';
import { decodeFrames, type Frame } from './media/frames.ts';
import { type Loopback, openLoopback } from './media/loopback.ts';

const SHORT_SIDE = 480;
/** About 550 kbit/s at 480p and 30 frames per second. */
const BITS_PER_PIXEL = 0.045;

/** The payload that is expected, and its key. */
export interface Expected {
  readonly payload: Uint8Array;
  readonly key: PatternKey;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (share: number) => void;
}

/** @returns whether the file returns the payload */
export async function readsBack(file: Blob, { payload, key, signal, onProgress }: Expected): Promise<boolean> {
  const clip = await Clip.open(file);
  try {
    const found = await extract(clip, () => decodeFrames(clip, signal), { keys: [key], signal, onProgress });
    return isPayload(found, payload);
  } finally {
    clip.close();
  }
}

/** @returns whether a copy of the file at 480p and a low bit rate returns the payload */
export async function survivesTranscode(file: Blob, { payload, key, signal, onProgress }: Expected): Promise<boolean> {
  const clip = await Clip.open(file);
  try {
    const { framesPerSecond, seconds } = await clip.readHeader();
    const decode = () => transcode(clip, framesPerSecond, signal);
    const found = await extract(clip, decode, { keys: [key], signal, seconds, onProgress });
    return isPayload(found, payload);
  } finally {
    clip.close();
  }
}

function isPayload(found: Awaited<ReturnType<typeof extract>>, payload: Uint8Array): boolean {
  if (typeof found === 'string' || found.payload.length !== payload.length) return false;
  return found.payload.every((byte, i) => byte === payload[i]);
}

/** The frames of the transcode, encoded while they are read. */
async function* transcode(
  clip: Clip,
  framesPerSecond: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Frame, void, void> {
  const done = new AbortController();
  const either = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]);
  const size = transcodedSize(await clip.storedSize());
  const { orientation, pixelAspect } = clip;
  const bitsPerSecond = BITS_PER_PIXEL * size.width * size.height * framesPerSecond;
  const loopback = await openLoopback({ bitsPerSecond, orientation, pixelAspect, color: {} });
  const encoding = encode(clip, size, loopback, either);
  // Its error reaches the decoder as the end of the stream, and the caller below.
  encoding.catch(() => {});
  let copy: Clip | undefined;
  try {
    copy = await Promise.race([loopback.clip, encoding.then(() => loopback.clip)]);
    yield* decodeFrames(copy, signal);
    await encoding;
  } finally {
    done.abort();
    copy?.close();
    await loopback.close();
    await encoding.catch(() => {});
  }
}

async function encode(clip: Clip, size: Size, { writer }: Loopback, signal: AbortSignal): Promise<void> {
  let scaler: Scaler | undefined;
  for await (const { picture, time, duration } of decodeFrames(clip, signal)) {
    scaler ??= new Scaler(picture, size);
    await writer.add(scaler.scale(picture), time, duration);
  }
  await writer.finish();
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Even, with a short side of 480 or that of the clip. */
function transcodedSize({ width, height }: Size): Size {
  const scale = Math.min(1, SHORT_SIDE / Math.min(width, height));
  const even = (length: number) => 2 * Math.round((length * scale) / 2);
  return { width: even(width), height: even(height) };
}

/** Reduces pictures by area means. */
class Scaler {
  readonly #result: Picture;
  readonly #luma: AreaMeans;
  readonly #chroma: AreaMeans;
  readonly #means: Float64Array;
  readonly #isWhole: boolean;

  constructor(from: Size, { width, height }: Size) {
    this.#isWhole = from.width === width && from.height === height;
    this.#result = createPicture(width, height);
    this.#luma = cellMeans({ x: 0, y: 0, width: from.width, height: from.height }, width, height);
    const half = { x: 0, y: 0, width: from.width >> 1, height: from.height >> 1 };
    this.#chroma = cellMeans(half, width >> 1, height >> 1);
    this.#means = new Float64Array(width * height);
  }

  /** @returns a picture that the next call overwrites */
  scale(picture: Picture): Picture {
    if (this.#isWhole) return picture;
    this.#reduce(this.#luma, picture.y, picture.strideY, this.#result.y);
    this.#reduce(this.#chroma, picture.u, picture.strideC, this.#result.u);
    this.#reduce(this.#chroma, picture.v, picture.strideC, this.#result.v);
    return this.#result;
  }

  #reduce(means: AreaMeans, plane: Uint8Array, stride: number, to: Uint8Array): void {
    const values = this.#means;
    means.reduce(plane, stride, values);
    for (let i = 0; i < to.length; i++) to[i] = (values[i] ?? 0) + 0.5;
  }
}
