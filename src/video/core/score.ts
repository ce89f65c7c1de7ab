// The template score: how well whitened cell means fit the template of a key at a place in time and space.
import type { Grid } from './grid.ts';
import type { ReaderKey } from './readerKey.ts';
import { TEMPLATE_PLANES, TEMPLATE_SIDE } from './template.ts';
import { CELL_RADII, energyOf, type Radii, whiten } from './whiten.ts';

/** Segments that the search for the template uses, the newest. */
export const SYNC_SEGMENTS = 8;

/** Whitened samples, summed over the segments that have the same template plane. */
export interface Folded {
  readonly grid: Grid;
  /** Entry j is the sum of the segments j, j + 5 …; entries without segments are missing. */
  readonly sums: readonly Float64Array[];
  /** √Σw² over all segments. */
  readonly norm: number;
}

/** @param segments consecutive, of cells or half cells */
export function fold(segments: readonly Float64Array[], grid: Grid, radii: Radii = CELL_RADII): Folded {
  const whitened = whiten(segments, grid, radii);
  const norm = Math.sqrt(energyOf(whitened));
  const sums = whitened.slice(0, TEMPLATE_PLANES);
  for (let k = TEMPLATE_PLANES; k < whitened.length; k++) {
    const sum = sums[k % TEMPLATE_PLANES]!;
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + whitened[k]![i]!;
  }
  return { grid, sums, norm };
}

/** Σ w·t of samples against the part of a plane that begins at (left, top). */
export function correlate(samples: Float64Array, { columns, rows }: Grid, plane: Int8Array, left: number, top: number) {
  let sum = 0;
  for (let y = 0; y < rows; y++) {
    const row = (top + y) * TEMPLATE_SIDE + left;
    for (let x = 0; x < columns; x++) sum += samples[y * columns + x]! * plane[row + x]!;
  }
  return sum;
}

/** Position of the first cell of a grid on a plane. */
export function templateCorner({ columns, rows }: Grid): { left: number; top: number } {
  return { left: (TEMPLATE_SIDE - columns) / 2, top: (TEMPLATE_SIDE - rows) / 2 };
}

/**
 * The template score z of cells.
 *
 * @param shift position of the first segment in the template cycle
 * @returns about N(0, 1) without a mark; 0 for a still picture
 */
export function templateScore({ grid, sums, norm }: Folded, key: ReaderKey, shift: number): number {
  if (norm === 0) return 0;
  const { left, top } = templateCorner(grid);
  return sums.reduce((total, sum, j) => total + correlate(sum, grid, key.plane(shift + j), left, top), 0) / norm;
}
