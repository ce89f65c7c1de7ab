// The rectangles of a picture and the grid of cells that divides it.

/** Whole samples. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Cells of a picture or a plane: gw columns, gh rows. */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
}

/** Cells along the short side. */
export const SHORT_SIDE = 36;

/** The template has this many columns and rows, so no grid has more. */
export const LONGEST_SIDE = 128;

/** A picture so close to the limit between two grids may be a copy that had the other one; the unit is four cells. */
const NEIGHBOR_DISTANCE = 0.15;

function gridWith(quarters: number, isWide: boolean): Grid | undefined {
  const long = Math.max(SHORT_SIDE, 4 * quarters);
  if (long > LONGEST_SIDE) return undefined;
  return isWide ? { columns: long, rows: SHORT_SIDE } : { columns: SHORT_SIDE, rows: long };
}

function quartersOf(width: number, height: number): number {
  return (9 * Math.max(width, height)) / Math.min(width, height);
}

/**
 * The luma grid of a picture.
 *
 * @param width of the active rectangle as displayed (pixel aspect ratio and rotation applied)
 * @param height likewise
 * @returns undefined if the picture is too long for its short side
 */
export function gridOf(width: number, height: number): Grid | undefined {
  return gridWith(Math.floor(quartersOf(width, height) + 0.5), width >= height);
}

/**
 * The grid that a copy of slightly different aspect ratio may have, because sizes are rounded to even numbers.
 *
 * @returns undefined if the aspect ratio is not close to a limit between two grids
 */
export function neighborGridOf(width: number, height: number): Grid | undefined {
  const quarters = quartersOf(width, height);
  const rounded = Math.floor(quarters + 0.5);
  const limit = Math.floor(quarters) + 0.5;
  if (Math.abs(quarters - limit) > NEIGHBOR_DISTANCE) return undefined;
  const other = rounded > quarters ? rounded - 1 : rounded + 1;
  return gridWith(other, width >= height);
}

/** The grid of the chroma channel: the U grid above the V grid. */
export function chromaGrid({ columns, rows }: Grid): Grid {
  return { columns, rows: 2 * rows };
}

/** The same rectangle on the chroma planes. */
export function halfRectangle({ x, y, width, height }: Rectangle): Rectangle {
  return { x: x >> 1, y: y >> 1, width: width >> 1, height: height >> 1 };
}
