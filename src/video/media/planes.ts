// Converts decoded planes to 8-bit I420.
import { createPicture, type Picture } from '../core/picture.ts';

/** A pixel format that is read, with its bits per sample and the shifts of its chroma size. */
interface PlaneFormat {
  readonly bits: 8 | 10 | 12;
  readonly shiftX: 0 | 1;
  readonly shiftY: 0 | 1;
  /** U and V alternate in one plane. */
  readonly isInterleaved?: true;
}

const FORMATS: Readonly<Record<string, PlaneFormat>> = {
  I420: { bits: 8, shiftX: 1, shiftY: 1 },
  NV12: { bits: 8, shiftX: 1, shiftY: 1, isInterleaved: true },
  I422: { bits: 8, shiftX: 1, shiftY: 0 },
  I444: { bits: 8, shiftX: 0, shiftY: 0 },
  I420P10: { bits: 10, shiftX: 1, shiftY: 1 },
  I422P10: { bits: 10, shiftX: 1, shiftY: 0 },
  I444P10: { bits: 10, shiftX: 0, shiftY: 0 },
  I420P12: { bits: 12, shiftX: 1, shiftY: 1 },
  I422P12: { bits: 12, shiftX: 1, shiftY: 0 },
  I444P12: { bits: 12, shiftX: 0, shiftY: 0 },
};

/** Thresholds of the ordered dither (Bayer, 4 by 4), in sixteenths. */
const DITHER = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5];

/** @returns undefined if pictures of this format cannot be converted */
export function planeFormat(name: string | null): PlaneFormat | undefined {
  return name === null ? undefined : FORMATS[name.replace(/^(I4\d\d)A/, '$1')];
}

/** Receives the samples of one picture and converts them. */
export class PlaneBuffer {
  /** Destination of the decoded samples. */
  readonly bytes: Uint8Array;
  /** Offset and bytes per row of each plane in it. */
  readonly layout: PlaneLayout[];
  /** The result; the next conversion overwrites it. */
  readonly picture: Picture;
  readonly #format: PlaneFormat;

  /**
   * @param width of the picture, even
   * @param height of the picture, even
   * @param hasAlpha whether the format has a fourth plane, which is ignored
   */
  constructor(format: PlaneFormat, width: number, height: number, hasAlpha: boolean) {
    const { bits, shiftX, shiftY, isInterleaved } = format;
    const sampleBytes = bits === 8 ? 1 : 2;
    const luma = { offset: 0, stride: width * sampleBytes };
    const stride = (width >> shiftX) * sampleBytes * (isInterleaved ? 2 : 1);
    const [first, second] = [luma.stride * height, luma.stride * height + stride * (height >> shiftY)];
    const third = second + (isInterleaved ? 0 : stride * (height >> shiftY));
    this.layout = [luma, { offset: first, stride }];
    if (!isInterleaved) this.layout.push({ offset: second, stride });
    if (hasAlpha) this.layout.push({ offset: third, stride: luma.stride });
    this.#format = format;
    this.picture = createPicture(width, height);
    const isDirect = bits === 8 && shiftX === 1 && shiftY === 1 && !isInterleaved && !hasAlpha;
    const { buffer, byteOffset } = this.picture.y;
    this.bytes = isDirect
      ? new Uint8Array(buffer, byteOffset, second + stride * (height >> 1))
      : new Uint8Array(third + (hasAlpha ? luma.stride * height : 0));
  }

  /** Converts what was copied to `bytes`. */
  convert(): void {
    const { bytes, picture, layout } = this;
    if (bytes.buffer === picture.y.buffer) return;
    const { bits, shiftX, shiftY, isInterleaved } = this.#format;
    const { width, height } = picture;
    const [luma, first, second] = layout as [PlaneLayout, PlaneLayout, PlaneLayout?];
    const plane = (offset: number): Uint8Array | Uint16Array =>
      bits === 8 ? bytes.subarray(offset) : new Uint16Array(bytes.buffer, offset);
    const shift = bits - 8;
    if (shift === 0) picture.y.set(bytes.subarray(0, luma.stride * height));
    else reduce(plane(0) as Uint16Array, picture.y, width, height, shift);
    if (isInterleaved) {
      deinterleave(plane(first.offset) as Uint8Array, picture.u, picture.v);
      return;
    }
    const columns = width >> shiftX;
    for (const [source, target] of [
      [plane(first.offset), picture.u],
      [plane(second?.offset ?? 0), picture.v],
    ] as const) {
      average(source, columns, target, width >> 1, height >> 1, { stepX: 2 >> shiftX, stepY: 2 >> shiftY, shift });
    }
  }
}

/** Reduces samples to 8 bits with an ordered dither, so that gradients stay smooth. */
function reduce(from: Uint16Array, to: Uint8Array, width: number, height: number, shift: number): void {
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const threshold = ((DITHER[((y & 3) << 2) | (x & 3)] ?? 0) << shift) >> 4;
      const value = ((from[i] ?? 0) + threshold) >> shift;
      to[i] = value > 255 ? 255 : value;
    }
  }
}

function deinterleave(from: Uint8Array, u: Uint8Array, v: Uint8Array): void {
  for (let i = 0; i < u.length; i++) {
    u[i] = from[2 * i] ?? 0;
    v[i] = from[2 * i + 1] ?? 0;
  }
}

/** Averages chroma to 4:2:0 and reduces it to 8 bits. */
function average(
  from: Uint8Array | Uint16Array,
  columns: number,
  to: Uint8Array,
  width: number,
  height: number,
  { stepX, stepY, shift }: { stepX: number; stepY: number; shift: number },
): void {
  const count = stepX * stepY;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      let sum = 0;
      for (let dy = 0; dy < stepY; dy++) {
        for (let dx = 0; dx < stepX; dx++) sum += from[(y * stepY + dy) * columns + x * stepX + dx] ?? 0;
      }
      const dither = (DITHER[((y & 3) << 2) | (x & 3)] ?? 0) / 16;
      // Eight bits are rounded; more bits are dithered like luma.
      const value = Math.floor(sum / count / (1 << shift) + (shift === 0 ? 0.5 : dither));
      to[i] = value > 255 ? 255 : value;
    }
  }
}
