// The DCT-II of blocks of 4×4 cells, without their mean: 15 features per block.
import type { Grid } from './grid.ts';

/** Cells along the side of a block. */
export const BLOCK_SIDE = 4;

/** Coefficients of a block without the mean. */
export const BLOCK_FEATURES = 15;

// √½·cos(π/8) and √½·cos(3π/8), written out because engines differ in the last bit of Math.cos.
const C1 = 0.6532814824381883;
const C3 = 0.2705980500730985;

/** Row u is the vector of frequency u. */
const BASIS = Float64Array.of(0.5, 0.5, 0.5, 0.5, C1, C3, -C3, -C1, 0.5, -0.5, -0.5, 0.5, C3, -C1, C1, -C3);

/** 4·u + v of each feature of a block; u is the vertical frequency. */
const ORDER = Uint8Array.of(1, 4, 5, 2, 8, 6, 9, 3, 12, 10, 7, 13, 11, 14, 15);

const block = new Float64Array(16);
const rotated = new Float64Array(16);

/** The number of features of a grid. */
export function featureCount({ columns, rows }: Grid): number {
  return (BLOCK_FEATURES * columns * rows) / (BLOCK_SIDE * BLOCK_SIDE);
}

/**
 * Features of the cells of a grid, block by block.
 *
 * @param cells row by row
 * @param features one number for each feature, overwritten
 */
export function toFeatures(cells: Float64Array, { columns, rows }: Grid, features: Float64Array): void {
  let next = 0;
  for (let top = 0; top < rows; top += BLOCK_SIDE)
    for (let left = 0; left < columns; left += BLOCK_SIDE) {
      for (let row = 0; row < 4; row++) {
        const start = (top + row) * columns + left;
        const a = cells[start]!;
        const b = cells[start + 1]!;
        const c = cells[start + 2]!;
        const d = cells[start + 3]!;
        for (let v = 0; v < 16; v += 4)
          rotated[4 * row + (v >> 2)] = a * BASIS[v]! + b * BASIS[v + 1]! + c * BASIS[v + 2]! + d * BASIS[v + 3]!;
      }
      for (let i = 0; i < BLOCK_FEATURES; i++) {
        const u = ORDER[i]! & 12;
        const v = ORDER[i]! & 3;
        features[next++] =
          rotated[v]! * BASIS[u]! +
          rotated[v + 4]! * BASIS[u + 1]! +
          rotated[v + 8]! * BASIS[u + 2]! +
          rotated[v + 12]! * BASIS[u + 3]!;
      }
    }
}

/** Adds the inverse DCT of `features` (with mean 0 in every block) to `cells`. */
export function addInverse(features: Float64Array, { columns, rows }: Grid, cells: Float64Array): void {
  let next = 0;
  block[0] = 0;
  for (let top = 0; top < rows; top += BLOCK_SIDE)
    for (let left = 0; left < columns; left += BLOCK_SIDE) {
      for (let i = 0; i < BLOCK_FEATURES; i++) block[ORDER[i]!] = features[next++]!;
      for (let row = 0; row < 4; row++)
        for (let v = 0; v < 4; v++)
          rotated[4 * row + v] =
            block[v]! * BASIS[row]! +
            block[4 + v]! * BASIS[4 + row]! +
            block[8 + v]! * BASIS[8 + row]! +
            block[12 + v]! * BASIS[12 + row]!;
      for (let row = 0; row < 4; row++) {
        const start = (top + row) * columns + left;
        for (let column = 0; column < 4; column++)
          cells[start + column] =
            cells[start + column]! +
            rotated[4 * row]! * BASIS[column]! +
            rotated[4 * row + 1]! * BASIS[4 + column]! +
            rotated[4 * row + 2]! * BASIS[8 + column]! +
            rotated[4 * row + 3]! * BASIS[12 + column]!;
      }
    }
}
