// The template: fixed random planes that show where the grid lies in time and space.
import type { Grid } from './grid.ts';
import { Keystream } from './keystream.ts';

/** Columns and rows of a plane. */
export const TEMPLATE_SIDE = 128;

/** Segment k has plane k mod 5. */
export const TEMPLATE_PLANES = 5;

/** Largest strength of the template in a cell. */
export const TEMPLATE_STRENGTH = 0.4;

const NONCE = [0x5359, 0x4e43] as const;

/** @returns 128 × 128 signs, row by row */
export function templatePlane(key: Uint8Array, plane: number): Int8Array {
  const stream = new Keystream(key, [...NONCE, plane]);
  const signs = new Int8Array(TEMPLATE_SIDE * TEMPLATE_SIDE);
  for (let cell = 0; cell < signs.length; cell += 32) {
    const word = stream.u32();
    for (let bit = 0; bit < 32; bit++) signs[cell + bit] = (word >>> bit) & 1 ? 1 : -1;
  }
  return signs;
}

/** @returns the part of a plane that lies on a grid, row by row */
export function cutTemplate(plane: Int8Array, { columns, rows }: Grid): Int8Array {
  const left = TEMPLATE_SIDE / 2 - columns / 2;
  const top = TEMPLATE_SIDE / 2 - rows / 2;
  const cut = new Int8Array(columns * rows);
  for (let y = 0; y < rows; y++) {
    const start = (top + y) * TEMPLATE_SIDE + left;
    cut.set(plane.subarray(start, start + columns), y * columns);
  }
  return cut;
}

/**
 * The change of each cell by the template.
 *
 * @param signs the result of `cutTemplate`
 * @param change overwritten
 */
export function setTemplate(signs: Int8Array, caps: Float64Array, change: Float64Array): void {
  for (let i = 0; i < change.length; i++) change[i] = signs[i]! * Math.min(TEMPLATE_STRENGTH, caps[i]!);
}
