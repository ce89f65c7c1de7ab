// Whitening of cell means, so that the host picture disturbs the template score as little as possible.
import type { Grid } from './grid.ts';

const FLOOR = 0.2;
const CLIP = 2.5;

/** Radii of the box means, in samples. */
export interface Radii {
  readonly mean: number;
  readonly energy: number;
}

export const CELL_RADII: Radii = { mean: 1, energy: 3 };
export const HALF_CELL_RADII: Radii = { mean: 3, energy: 6 };

/** Box means with the edges cut: a sample near an edge averages fewer neighbors. */
function boxMean(source: Float64Array, { columns, rows }: Grid, radius: number, target: Float64Array): void {
  const sums = new Float64Array(columns * rows);
  for (let y = 0; y < rows; y++) {
    const row = y * columns;
    let sum = 0;
    for (let x = 0; x < Math.min(radius, columns); x++) sum += source[row + x]!;
    for (let x = 0; x < columns; x++) {
      if (x + radius < columns) sum += source[row + x + radius]!;
      if (x > radius) sum -= source[row + x - radius - 1]!;
      sums[row + x] = sum / (Math.min(x + radius, columns - 1) - Math.max(x - radius, 0) + 1);
    }
  }
  const column = new Float64Array(columns);
  const add = (y: number, factor: number) => {
    for (let x = 0; x < columns; x++) column[x] = column[x]! + factor * sums[y * columns + x]!;
  };
  for (let y = 0; y < Math.min(radius, rows); y++) add(y, 1);
  for (let y = 0; y < rows; y++) {
    if (y + radius < rows) add(y + radius, 1);
    if (y > radius) add(y - radius - 1, -1);
    const count = Math.min(y + radius, rows - 1) - Math.max(y - radius, 0) + 1;
    for (let x = 0; x < columns; x++) target[y * columns + x] = column[x]! / count;
  }
}

/** Subtracts the mean of the previous and next segment, or of the one that exists. */
function subtractNeighbors(segments: readonly Float64Array[], k: number, target: Float64Array): void {
  const current = segments[k]!;
  const previous = segments[k - 1] ?? segments[k + 1];
  const next = segments[k + 1] ?? segments[k - 1];
  if (previous === undefined || next === undefined) target.set(current);
  else for (let i = 0; i < target.length; i++) target[i] = current[i]! - (previous[i]! + next[i]!) / 2;
}

/**
 * Whitens samples of consecutive segments.
 *
 * @param grid of the samples: cells, or half cells with `HALF_CELL_RADII`
 */
export function whiten(segments: readonly Float64Array[], grid: Grid, radii: Radii): Float64Array[] {
  const size = grid.columns * grid.rows;
  const mean = new Float64Array(size);
  const squares = new Float64Array(size);
  return segments.map((_, k) => {
    const samples = new Float64Array(size);
    subtractNeighbors(segments, k, samples);
    boxMean(samples, grid, radii.mean, mean);
    for (let i = 0; i < size; i++) {
      samples[i] = samples[i]! - mean[i]!;
      squares[i] = samples[i]! * samples[i]!;
    }
    boxMean(squares, grid, radii.energy, mean);
    for (let i = 0; i < size; i++) {
      const value = samples[i]! / (Math.sqrt(Math.max(0, mean[i]!)) + FLOOR);
      samples[i] = Math.max(-CLIP, Math.min(CLIP, value));
    }
    return samples;
  });
}

/** Σw² of all segments. */
export function energyOf(segments: readonly Float64Array[]): number {
  let sum = 0;
  for (const segment of segments) for (let i = 0; i < segment.length; i++) sum += segment[i]! * segment[i]!;
  return sum;
}
