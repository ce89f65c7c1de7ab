// Area means: reduces a plane to a grid of rectangles with fractional edges.
import type { Rectangle } from './grid.ts';

/** One axis of a grid on a plane: `count` pieces of `size` samples each, the first one from `origin`. */
export interface Axis {
  readonly origin: number;
  readonly size: number;
  readonly count: number;
}

/** The axis that divides `length` samples from `origin` evenly. */
export function evenAxis(origin: number, length: number, count: number): Axis {
  return { origin, size: length / count, count };
}

/**
 * Means over the rectangles of a grid. Samples outside the bounds take the value of the nearest one inside.
 *
 * Rows are summed first and columns second, so that the work per sample is one addition.
 */
export class AreaMeans {
  readonly #left: number;
  readonly #top: number;
  readonly #bottom: number;
  readonly #columns: Axis;
  readonly #rows: Axis;
  /** Sums of the rows of one piece, from the left bound. */
  readonly #sums: Float64Array;
  readonly #pieces: Pieces;

  /**
   * @param columns pieces along x, in samples of the plane
   * @param rows pieces along y
   * @param bounds the rectangle inside which samples are read
   */
  constructor(columns: Axis, rows: Axis, bounds: Rectangle) {
    this.#columns = columns;
    this.#rows = rows;
    this.#left = bounds.x;
    this.#top = bounds.y;
    this.#bottom = bounds.y + bounds.height;
    this.#sums = new Float64Array(bounds.width);
    this.#pieces = piecesOf({ ...columns, origin: columns.origin - bounds.x }, bounds.width);
  }

  /**
   * Reduces one plane.
   *
   * @param means one number for each rectangle from `offset`, row by row
   */
  reduce(plane: Uint8Array, stride: number, means: Float64Array, offset = 0): void {
    const { origin, size, count } = this.#rows;
    for (let row = 0; row < count; row++) {
      this.#sumRows(plane, stride, origin + row * size, origin + (row + 1) * size);
      this.#divideColumns(means, offset + row * this.#columns.count, size);
    }
  }

  /** Sums the rows between two edges; the first and the last row inside the bounds extend beyond them. */
  #sumRows(plane: Uint8Array, stride: number, from: number, to: number): void {
    const sums = this.#sums;
    sums.fill(0);
    const first = Math.min(Math.max(Math.floor(from), this.#top), this.#bottom - 1);
    const last = Math.min(Math.max(Math.ceil(to) - 1, this.#top), this.#bottom - 1);
    // From a row of weight 1 to this row all have weight 1.
    const wholeEnd = to <= this.#bottom ? Math.floor(to) : this.#bottom - 1;
    for (let y = first; y <= last; y++) {
      const start = y === this.#top ? Number.NEGATIVE_INFINITY : y;
      const end = y === this.#bottom - 1 ? Number.POSITIVE_INFINITY : y + 1;
      const weight = Math.min(end, to) - Math.max(start, from);
      const row = y * stride + this.#left;
      if (weight !== 1) addWeighted(sums, plane, row, weight);
      // Four rows at once save most of the loads and stores of the sums.
      else if (y + 4 <= wholeEnd) {
        addFour(sums, plane, row, stride);
        y += 3;
      } else addRow(sums, plane, row);
    }
  }

  #divideColumns(means: Float64Array, offset: number, height: number): void {
    const sums = this.#sums;
    const { first, last, head, tail } = this.#pieces;
    const area = this.#columns.size * height;
    for (let column = 0; column < first.length; column++) {
      const end = last[column]!;
      let sum = head[column]! * sums[first[column]!]! + tail[column]! * sums[end]!;
      for (let x = first[column]! + 1; x < end; x++) sum += sums[x]!;
      means[offset + column] = sum / area;
    }
  }
}

/** The samples of each piece of an axis: from `first` with weight `head` to `last` with weight `tail`, 1 in between. */
interface Pieces {
  readonly first: Int32Array;
  readonly last: Int32Array;
  readonly head: Float64Array;
  readonly tail: Float64Array;
}

/** @param length samples inside the bounds; the first and the last extend beyond them */
function piecesOf({ origin, size, count }: Axis, length: number): Pieces {
  const clamp = (sample: number) => Math.min(Math.max(sample, 0), length - 1);
  const pieces = {
    first: new Int32Array(count),
    last: new Int32Array(count),
    head: new Float64Array(count),
    tail: new Float64Array(count),
  };
  for (let i = 0; i < count; i++) {
    const from = origin + i * size;
    const to = origin + (i + 1) * size;
    const first = clamp(Math.floor(from));
    const last = clamp(Math.ceil(to) - 1);
    pieces.first[i] = first;
    pieces.last[i] = last;
    pieces.head[i] = first === last ? to - from : first + 1 - from;
    pieces.tail[i] = first === last ? 0 : to - last;
  }
  return pieces;
}

function addRow(sums: Float64Array, plane: Uint8Array, row: number): void {
  for (let x = 0; x < sums.length; x++) sums[x] = sums[x]! + plane[row + x]!;
}

function addFour(sums: Float64Array, plane: Uint8Array, row: number, stride: number): void {
  for (let x = 0; x < sums.length; x++) {
    const at = row + x;
    const four = plane[at]! + plane[at + stride]! + plane[at + 2 * stride]! + plane[at + 3 * stride]!;
    sums[x] = sums[x]! + four;
  }
}

function addWeighted(sums: Float64Array, plane: Uint8Array, row: number, weight: number): void {
  for (let x = 0; x < sums.length; x++) sums[x] = sums[x]! + weight * plane[row + x]!;
}

/** Means over the cells that divide a rectangle evenly. */
export function cellMeans(rectangle: Rectangle, columns: number, rows: number): AreaMeans {
  const { x, y, width, height } = rectangle;
  return new AreaMeans(evenAxis(x, width, columns), evenAxis(y, height, rows), rectangle);
}
