// The caps: how far the mean of each cell may change without being seen, from the texture and brightness of one picture.
import type { Grid, Rectangle } from './grid.ts';
import { cellMeans } from './reduce.ts';

/** Thumbs along the side of a cell. */
export const THUMBS = 5;

/** Cap of every cell if no picture shows the segment long enough. */
export const DEFAULT_CAP = 0.7;

const LARGEST_CAP = 6;
const TEXTURE_GAIN = 0.825;
/** Share of the standard deviation of a quarter that counts as texture. */
const SPREAD_GAIN = 0.5;

/** Changes are easier to see in shadows and near white. */
const DARK_MEAN = 40;
const BRIGHT_MEAN = 228;

/** Quarters of a cell have 3×3 of its 5×5 thumbs, from these columns and rows. */
const QUARTERS = [0, 2];
const QUARTER_SIDE = 3;

/** The cap of both chroma planes for a cap of luma. */
export function chromaCap(cap: number): number {
  return Math.min(1.6, 0.3 + 0.4 * cap);
}

/**
 * Computes the caps of luma.
 *
 * @param plane the luma plane
 * @param rectangle that the grid divides
 * @param caps one for each cell, overwritten
 */
export function computeCaps(
  plane: Uint8Array,
  stride: number,
  rectangle: Rectangle,
  grid: Grid,
  caps: Float64Array,
): void {
  const columns = THUMBS * grid.columns;
  const rows = THUMBS * grid.rows;
  const thumbs = new Float64Array(columns * rows);
  cellMeans(rectangle, columns, rows).reduce(plane, stride, thumbs);
  const texture = new Float64Array(columns * rows);
  measureTexture(plane, stride, rectangle, columns, rows, thumbs, texture);
  for (let y = 0; y < grid.rows; y++)
    for (let x = 0; x < grid.columns; x++) {
      const corner = THUMBS * (y * columns + x);
      const least = leastTexture(texture, corner, columns);
      const cap = Math.min(LARGEST_CAP, DEFAULT_CAP + TEXTURE_GAIN * least);
      caps[y * grid.columns + x] = cap * brightnessFactor(cellMean(thumbs, corner, columns));
    }
}

/** Mean distance of the samples of each thumb from its mean, over whole samples. */
function measureTexture(
  plane: Uint8Array,
  stride: number,
  rectangle: Rectangle,
  columns: number,
  rows: number,
  thumbs: Float64Array,
  texture: Float64Array,
): void {
  for (let row = 0; row < rows; row++) {
    const top = Math.floor((row * rectangle.height) / rows);
    const bottom = Math.max(top + 1, Math.floor(((row + 1) * rectangle.height) / rows));
    for (let column = 0; column < columns; column++) {
      const left = Math.floor((column * rectangle.width) / columns);
      const right = Math.max(left + 1, Math.floor(((column + 1) * rectangle.width) / columns));
      const mean = thumbs[row * columns + column]!;
      let sum = 0;
      for (let y = top; y < bottom; y++) {
        const start = (rectangle.y + y) * stride + rectangle.x;
        for (let x = left; x < right; x++) sum += Math.abs(plane[start + x]! - mean);
      }
      texture[row * columns + column] = sum / ((right - left) * (bottom - top));
    }
  }
}

function leastTexture(texture: Float64Array, corner: number, stride: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (const down of QUARTERS)
    for (const across of QUARTERS) {
      const start = corner + down * stride + across;
      let sum = 0;
      let squares = 0;
      for (let y = 0; y < QUARTER_SIDE; y++)
        for (let x = 0; x < QUARTER_SIDE; x++) {
          const value = texture[start + y * stride + x]!;
          sum += value;
          squares += value * value;
        }
      const mean = sum / QUARTER_SIDE ** 2;
      const deviation = Math.sqrt(Math.max(0, squares / QUARTER_SIDE ** 2 - mean * mean));
      least = Math.min(least, mean + SPREAD_GAIN * deviation);
    }
  return least;
}

function cellMean(thumbs: Float64Array, corner: number, stride: number): number {
  let sum = 0;
  for (let y = 0; y < THUMBS; y++) for (let x = 0; x < THUMBS; x++) sum += thumbs[corner + y * stride + x]!;
  return sum / THUMBS ** 2;
}

function brightnessFactor(mean: number): number {
  if (mean < DARK_MEAN) return 0.7 + (0.3 * mean) / DARK_MEAN;
  if (mean > BRIGHT_MEAN) return Math.max(0.3, 1 - (mean - BRIGHT_MEAN) / 30);
  return 1;
}
