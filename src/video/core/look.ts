// The first pass of the writer: mean of every cell over each second, and caps from one picture of each second.
import { chromaCap, computeCaps, DEFAULT_CAP } from './caps.ts';
import { CHROMA, type Channel } from './carriers.ts';
import type { Layout } from './layout.ts';
import { toDisplayed } from './orient.ts';
import type { Picture } from './picture.ts';
import { type AreaMeans, cellMeans } from './reduce.ts';

/** A shorter rest at the end of the clip is an effect of rounding. */
const SHORTEST_SEGMENT_SECONDS = 0.001;

/** The caps of a segment come from a picture that is shown until this part of it or later. */
const CAPS_FROM = 0.5;

/** Cell means and caps of all segments, about 37 KB per second. Arrays are as displayed, U above V. */
export class Look {
  readonly #layout: Layout;
  readonly #lumaMeans: AreaMeans;
  readonly #chromaMeans: AreaMeans;
  readonly #cells: number;
  /** Y, U and V of one picture, in the order of the file. */
  readonly #stored: Float64Array;
  readonly #displayed: Float64Array;
  /** Of the segment that is not complete yet: Y, U and V, weighted by display time. */
  readonly #sums: Float64Array;
  #sumSeconds = 0;
  readonly #segments: Float32Array[] = [];
  readonly #caps: Float32Array[] = [];
  #isFinished = false;

  constructor(layout: Layout) {
    const { columns, rows } = layout.storedGrid;
    this.#layout = layout;
    this.#lumaMeans = cellMeans(layout.storedArea, columns, rows);
    this.#chromaMeans = cellMeans(layout.storedHalf, columns, rows);
    this.#cells = columns * rows;
    this.#stored = new Float64Array(3 * this.#cells);
    this.#displayed = new Float64Array(3 * this.#cells);
    this.#sums = new Float64Array(3 * this.#cells);
  }

  /**
   * Adds the next picture.
   *
   * @param time in seconds since the first picture
   * @param duration in seconds, until the next picture
   */
  add(picture: Picture, time: number, duration: number): void {
    if (duration <= 0) return;
    const cells = this.#cells;
    this.#lumaMeans.reduce(picture.y, picture.strideY, this.#stored, 0);
    this.#chromaMeans.reduce(picture.u, picture.strideC, this.#stored, cells);
    this.#chromaMeans.reduce(picture.v, picture.strideC, this.#stored, 2 * cells);
    for (let plane = 0; plane < 3; plane++) this.#turn(this.#stored, this.#displayed, plane * cells);
    this.#addCaps(picture, time, time + duration);
    this.#addTime(time, time + duration);
  }

  /** Completes the last segment. */
  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    if (this.#sumSeconds >= SHORTEST_SEGMENT_SECONDS || this.#segments.length === 0) this.#closeSegment();
  }

  /** The number of complete segments. */
  get segments(): number {
    return this.#segments.length;
  }

  /** Copies the cell means of a segment. */
  readCells(segment: number, channel: Channel, cells: Float64Array): void {
    const means = this.#segments[segment]!;
    cells.set(channel === CHROMA ? means.subarray(this.#cells) : means.subarray(0, this.#cells));
  }

  /** Copies the caps of a segment; one without a picture has those of the segment before it. */
  readCaps(segment: number, channel: Channel, caps: Float64Array): void {
    let known = segment;
    while (known > 0 && this.#caps[known] === undefined) known--;
    const luma = this.#caps[known];
    for (let i = 0; i < caps.length; i++) {
      const cap = luma?.[i % this.#cells] ?? DEFAULT_CAP;
      caps[i] = channel === CHROMA ? chromaCap(cap) : cap;
    }
  }

  #addCaps({ y, strideY }: Picture, time: number, end: number): void {
    const segment = Math.floor((time + end) / 2);
    if (this.#caps[segment] !== undefined || end < segment + CAPS_FROM) return;
    const { storedArea, storedGrid } = this.#layout;
    const stored = new Float64Array(this.#cells);
    const displayed = new Float64Array(this.#cells);
    computeCaps(y, strideY, storedArea, storedGrid, stored);
    this.#turn(stored, displayed, 0);
    this.#caps[segment] = Float32Array.from(displayed);
  }

  #addTime(time: number, end: number): void {
    let from = time;
    for (let border = this.#segments.length + 1; end > border; border++) {
      this.#addSums(border - from);
      this.#closeSegment();
      from = border;
    }
    this.#addSums(end - from);
  }

  #addSums(seconds: number): void {
    const sums = this.#sums;
    const means = this.#displayed;
    for (let i = 0; i < sums.length; i++) sums[i] = sums[i]! + seconds * means[i]!;
    this.#sumSeconds += seconds;
  }

  #closeSegment(): void {
    const seconds = this.#sumSeconds;
    this.#segments.push(Float32Array.from(this.#sums, (sum) => sum / seconds));
    this.#sums.fill(0);
    this.#sumSeconds = 0;
  }

  #turn(stored: Float64Array, displayed: Float64Array, offset: number): void {
    const { orientation, grid } = this.#layout;
    const end = offset + this.#cells;
    toDisplayed(orientation, grid.columns, grid.rows, stored.subarray(offset, end), displayed.subarray(offset, end));
  }
}
