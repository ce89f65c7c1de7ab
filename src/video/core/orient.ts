// Rotation and mirroring: display coordinates of the grid and the pattern, stored coordinates of the planes.
import type { Grid, Rectangle } from './grid.ts';

/** The way from a stored picture to the displayed one: rotated clockwise, then mirrored from left to right. */
export interface Orientation {
  readonly rotation: 0 | 90 | 180 | 270;
  readonly isMirrored: boolean;
}

export const UPRIGHT: Orientation = { rotation: 0, isMirrored: false };

const isTurned = ({ rotation }: Orientation) => rotation === 90 || rotation === 270;

/** The size as displayed of a stored size, or the reverse. */
export function turnSize<Size extends { width: number; height: number }>(orientation: Orientation, size: Size) {
  const { width, height } = size;
  return isTurned(orientation) ? { width: height, height: width } : { width, height };
}

/** The grid as stored of a displayed grid, or the reverse. */
export function turnGrid(orientation: Orientation, { columns, rows }: Grid): Grid {
  return isTurned(orientation) ? { columns: rows, rows: columns } : { columns, rows };
}

/**
 * The stored rectangle of a displayed one.
 *
 * @param size of the picture as displayed
 */
export function toStoredRectangle(
  { rotation, isMirrored }: Orientation,
  { x, y, width, height }: Rectangle,
  size: { readonly width: number; readonly height: number },
): Rectangle {
  const left = isMirrored ? size.width - x - width : x;
  const right = size.width - left - width;
  const bottom = size.height - y - height;
  if (rotation === 90) return { x: y, y: right, width: height, height: width };
  if (rotation === 180) return { x: right, y: bottom, width, height };
  if (rotation === 270) return { x: bottom, y: left, width: height, height: width };
  return { x: left, y, width, height };
}

/** Position start + x·stepX + y·stepY in the stored array of (x, y) in the displayed array of `width` × `height`. */
function storedPositions({ rotation, isMirrored }: Orientation, width: number, height: number) {
  let [start, stepX, stepY] = [0, 1, width];
  if (rotation === 90) [start, stepX, stepY] = [(width - 1) * height, -height, 1];
  if (rotation === 180) [start, stepX, stepY] = [width * height - 1, -1, -width];
  if (rotation === 270) [start, stepX, stepY] = [height - 1, height, -1];
  return isMirrored ? { start: start + (width - 1) * stepX, stepX: -stepX, stepY } : { start, stepX, stepY };
}

type Numbers = Float64Array | Int8Array | Uint16Array;

/** Copies an array of `width` × `height` as displayed into the order of the file. */
export function toStored<Type extends Numbers>(
  orientation: Orientation,
  width: number,
  height: number,
  displayed: Type,
  stored: Type,
): void {
  const { start, stepX, stepY } = storedPositions(orientation, width, height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) stored[start + x * stepX + y * stepY] = displayed[y * width + x]!;
}

/** Copies an array in the order of the file into one of `width` × `height` as displayed. */
export function toDisplayed<Type extends Numbers>(
  orientation: Orientation,
  width: number,
  height: number,
  stored: Type,
  displayed: Type,
): void {
  const { start, stepX, stepY } = storedPositions(orientation, width, height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) displayed[y * width + x] = stored[start + x * stepX + y * stepY]!;
}
