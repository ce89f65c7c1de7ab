// The newest seconds of a clip as thumbs: means of small areas of the picture, averaged over slices of 0.1 s.
import type { Grid } from './grid.ts';
import { type Orientation, toDisplayed, turnGrid } from './orient.ts';
import type { Pause } from './pause.ts';

/** Slices per second, which is also the length of a segment. */
export const SLICES_PER_SECOND = 10;

/** Luma thumbs along a side of a cell. */
export const LUMA_THUMBS = 5;

/** Length of the window. */
export const WINDOW_SLICES = 300;

/** Stored values have 8 fractional bits. */
const SCALE = 256;

/** Display time below this is ignored at the end of a clip, in slices. */
const LEAST_SHARE = 0.2;

/** Sizes of the planes of thumbs. */
export interface ThumbLayout {
  readonly grid: Grid;
  /** Chroma thumbs along a side of a cell. */
  readonly chromaThumbs: number;
}

/** Samples of a plane of thumbs. */
export function planeSize({ grid: { columns, rows } }: ThumbLayout, thumbs: number): number {
  return columns * rows * thumbs * thumbs;
}

/** Collects the thumbs of frames into slices and keeps the newest. */
export class ThumbWindow {
  readonly layout: ThumbLayout;
  /** Each slice: the luma plane, then U, then V. */
  readonly slices: Uint16Array[] = [];
  /** Number of slices that were dropped, which is the position of the first one in the clip. */
  dropped = 0;
  readonly #sum: Float32Array;
  /** Display time in `#sum`, in slices. */
  #share = 0;

  constructor(layout: ThumbLayout) {
    this.layout = layout;
    this.#sum = new Float32Array(planeSize(layout, LUMA_THUMBS) + 2 * planeSize(layout, layout.chromaThumbs));
  }

  /** Samples of one slice. */
  get sliceSize(): number {
    return this.#sum.length;
  }

  /** Slices of the clip that are complete. */
  get end(): number {
    return this.dropped + this.slices.length;
  }

  /**
   * Adds a frame that is displayed from the end of the previous one.
   *
   * @param thumbs the luma plane, then U, then V
   * @param end seconds since the start of the first frame
   */
  add(thumbs: Float64Array, end: number): void {
    const last = end * SLICES_PER_SECOND;
    let position = this.end + this.#share;
    while (position < last - 1e-9) {
      const boundary = this.end + 1;
      const stop = Math.min(last, boundary);
      const share = stop - position;
      for (let i = 0; i < thumbs.length; i++) this.#sum[i] = this.#sum[i]! + share * thumbs[i]!;
      this.#share += share;
      if (stop > boundary - 1e-9) this.#close();
      position = stop;
    }
  }

  /** Closes the last, incomplete slice. */
  finish(): void {
    if (this.#share >= LEAST_SHARE) this.#close();
  }

  /** A copy of the window in which every slice is turned like a picture. */
  async turned(orientation: Orientation, pause: Pause): Promise<ThumbWindow> {
    const grid = turnGrid(orientation, this.layout.grid);
    const copy = new ThumbWindow({ ...this.layout, grid });
    const luma = planeSize(this.layout, LUMA_THUMBS);
    const chroma = planeSize(this.layout, this.layout.chromaThumbs);
    for (const slice of this.slices) {
      await pause();
      const turned = new Uint16Array(slice.length);
      const turnPlane = (start: number, end: number, thumbs: number) => {
        const [from, to] = [slice.subarray(start, end), turned.subarray(start, end)];
        toDisplayed(orientation, grid.columns * thumbs, grid.rows * thumbs, from, to);
      };
      turnPlane(0, luma, LUMA_THUMBS);
      turnPlane(luma, luma + chroma, this.layout.chromaThumbs);
      turnPlane(luma + chroma, slice.length, this.layout.chromaThumbs);
      copy.slices.push(turned);
    }
    copy.dropped = this.dropped;
    return copy;
  }

  #close(): void {
    const slice = new Uint16Array(this.#sum.length);
    const factor = SCALE / this.#share;
    for (let i = 0; i < slice.length; i++) slice[i] = this.#sum[i]! * factor + 0.5;
    this.#sum.fill(0);
    this.#share = 0;
    this.slices.push(slice);
    if (this.slices.length <= WINDOW_SLICES) return;
    this.slices.shift();
    this.dropped++;
  }

  /**
   * Averages a range of slices; the ends can be fractional and outside of the window.
   *
   * @param target one value for each thumb, overwritten
   */
  average(start: number, end: number, target: Float64Array): void {
    const first = Math.max(0, start);
    const last = Math.min(this.slices.length, end);
    target.fill(0);
    for (let k = Math.floor(first); k < last; k++) {
      const weight = (Math.min(k + 1, last) - Math.max(k, first)) / (last - first) / SCALE;
      const slice = this.slices[k]!;
      for (let i = 0; i < target.length; i++) target[i] = target[i]! + weight * slice[i]!;
    }
  }
}

/** Starts of the segments, in slices of a window, if the first one begins at `start`. */
export function segmentStarts(start: number, slices: number): number[] {
  const starts: number[] = [];
  for (let next = start; next < slices - 4; next += SLICES_PER_SECOND) starts.push(next);
  return starts;
}
