// The pattern of a segment: a smooth surface through the changes of the cells, dithered to whole samples.
import type { Grid } from './grid.ts';

/** Pole of the inverse of (1 4 1)/6. */
const POLE = Math.sqrt(3) - 2;

/** Cells from which the inverse starts; further ones do not count in double precision. */
const HORIZON = 16;

/** In a cell with this cap or a smaller one, which has no texture, a sample changes by at most 1. */
export const FLAT_CAP = 1;

/** Side of the matrix of the ordered dither. */
const DITHER_SIDE = 8;

const DITHER = ditherMatrix();

function ditherMatrix(): Float64Array {
  let matrix = [[0]];
  while (matrix.length < DITHER_SIDE) {
    const quarter = (offset: number) => matrix.map((row) => row.map((value) => 4 * value + offset));
    const beside = (left: number[][], right: number[][]) => left.map((row, y) => [...row, ...right[y]!]);
    matrix = [...beside(quarter(0), quarter(2)), ...beside(quarter(3), quarter(1))];
  }
  return Float64Array.from(matrix.flat(), (value) => (value + 0.5) / DITHER_SIDE ** 2);
}

/** Turns `count` values, `step` apart from `start`, into coefficients of a quadratic spline. */
function toCoefficients(values: Float64Array, start: number, step: number, count: number): void {
  let first = values[start]!;
  let power = POLE;
  for (let i = 0; i < Math.min(count, HORIZON); i++) {
    first += power * values[start + i * step]!;
    power *= POLE;
  }
  values[start] = first;
  for (let i = 1; i < count; i++) {
    const at = start + i * step;
    values[at] = values[at]! + POLE * values[at - step]!;
  }
  const last = start + (count - 1) * step;
  values[last] = (values[last]! * POLE) / (POLE - 1);
  for (let at = last - step; at >= start; at -= step) values[at] = POLE * (values[at + step]! - values[at]!);
  for (let at = start; at <= last; at += step) values[at] = 6 * values[at]!;
}

/** The three cells that each sample of an axis depends on, as offsets in an array, with their weights. */
interface Taps {
  readonly cells: Uint32Array;
  readonly weights: Float64Array;
}

function tapsOf(samples: number, cells: number, step: number): Taps {
  const taps = { cells: new Uint32Array(3 * samples), weights: new Float64Array(3 * samples) };
  for (let p = 0; p < samples; p++) {
    const u = ((p + 0.5) * cells) / samples - 0.5;
    const k = Math.floor(u + 0.5);
    const d = u - k;
    for (let i = 0; i < 3; i++) taps.cells[3 * p + i] = step * Math.min(Math.max(k - 1 + i, 0), cells - 1);
    taps.weights[3 * p] = 0.5 * (0.5 - d) * (0.5 - d);
    taps.weights[3 * p + 1] = 0.75 - d * d;
    taps.weights[3 * p + 2] = 0.5 * (0.5 + d) * (0.5 + d);
  }
  return taps;
}

/** Makes patterns of one grid and size. Keeps its buffers. */
export class PatternMaker {
  readonly #grid: Grid;
  readonly width: number;
  readonly height: number;
  readonly #coefficients: Float64Array;
  readonly #row: Float64Array;
  readonly #across: Taps;
  readonly #down: Taps;

  /**
   * @param width of the rectangle that the grid divides, in samples
   * @param height likewise
   */
  constructor(grid: Grid, width: number, height: number) {
    this.#grid = grid;
    this.width = width;
    this.height = height;
    this.#coefficients = new Float64Array(grid.columns * grid.rows);
    this.#row = new Float64Array(grid.columns);
    this.#across = tapsOf(width, grid.columns, 1);
    this.#down = tapsOf(height, grid.rows, grid.columns);
  }

  /**
   * Makes a pattern.
   *
   * @param change of each cell of the grid
   * @param caps of luma, which show the flat cells
   * @param pattern width × height samples, overwritten
   */
  make(change: Float64Array, caps: Float64Array, pattern: Int8Array): void {
    const { columns, rows } = this.#grid;
    const coefficients = this.#coefficients;
    coefficients.set(change);
    for (let y = 0; y < rows; y++) toCoefficients(coefficients, y * columns, 1, columns);
    for (let x = 0; x < columns; x++) toCoefficients(coefficients, x, columns, rows);
    for (let y = 0; y < this.height; y++) {
      this.#combineRows(y);
      this.#fillRow(y, caps, pattern);
    }
  }

  #combineRows(y: number): void {
    const coefficients = this.#coefficients;
    const row = this.#row;
    const { cells, weights } = this.#down;
    const a = cells[3 * y]!;
    const b = cells[3 * y + 1]!;
    const c = cells[3 * y + 2]!;
    const wa = weights[3 * y]!;
    const wb = weights[3 * y + 1]!;
    const wc = weights[3 * y + 2]!;
    for (let x = 0; x < row.length; x++)
      row[x] = wa * coefficients[a + x]! + wb * coefficients[b + x]! + wc * coefficients[c + x]!;
  }

  #fillRow(y: number, caps: Float64Array, pattern: Int8Array): void {
    const row = this.#row;
    const { cells, weights } = this.#across;
    const dither = (y & (DITHER_SIDE - 1)) * DITHER_SIDE;
    const start = y * this.width;
    // The middle tap is the cell that contains the sample.
    const cellRow = this.#down.cells[3 * y + 1]!;
    for (let x = 0; x < this.width; x++) {
      const tap = 3 * x;
      const value =
        weights[tap]! * row[cells[tap]!]! +
        weights[tap + 1]! * row[cells[tap + 1]!]! +
        weights[tap + 2]! * row[cells[tap + 2]!]!;
      const sample = Math.floor(value + DITHER[dither + (x & (DITHER_SIDE - 1))]!);
      const isFlat = caps[cellRow + cells[tap + 1]!]! <= FLAT_CAP;
      pattern[start + x] = isFlat ? Math.min(Math.max(sample, -1), 1) : sample;
    }
  }
}
