// Where the grid of a clip lies: as displayed, where it is defined, and on the stored planes, where it is read and changed.
import { type Grid, gridOf, halfRectangle, type Rectangle } from './grid.ts';
import { type Orientation, toStoredRectangle, turnGrid, turnSize } from './orient.ts';

/** Geometry of a clip. */
export interface Layout {
  readonly orientation: Orientation;
  /** Stored size of the pictures. */
  readonly width: number;
  readonly height: number;
  /** Active rectangle as displayed. */
  readonly area: Rectangle;
  /** Grid of luma as displayed. */
  readonly grid: Grid;
  /** Active rectangle on the stored luma plane. */
  readonly storedArea: Rectangle;
  /** Active rectangle on the stored chroma planes. */
  readonly storedHalf: Rectangle;
  readonly storedGrid: Grid;
}

/** Size and orientation of the pictures of a clip, from its container. */
export interface PictureShape {
  /** Stored size, even. */
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  /** Width of a stored sample divided by its height; 1 if not given. */
  readonly pixelAspect?: number;
}

/** Size of the active rectangle as displayed, for its aspect ratio. */
export function displaySize({ width, height, orientation, pixelAspect = 1 }: PictureShape, area: Rectangle) {
  const stored = toStoredRectangle(orientation, area, turnSize(orientation, { width, height }));
  return turnSize(orientation, { width: stored.width * pixelAspect, height: stored.height });
}

/**
 * The layout of a clip.
 *
 * @param area the active rectangle as displayed, from `BarDetector`
 * @returns undefined if the picture is too long for its short side
 */
export function layoutOf(shape: PictureShape, area: Rectangle): Layout | undefined {
  const { width, height, orientation } = shape;
  const displayed = displaySize(shape, area);
  const grid = gridOf(displayed.width, displayed.height);
  return grid && withGrid({ width, height, orientation }, area, grid);
}

/** The layout with another grid, which the reader tries next. */
export function withGrid(shape: PictureShape, area: Rectangle, grid: Grid): Layout {
  const { width, height, orientation } = shape;
  const storedArea = toStoredRectangle(orientation, area, turnSize(orientation, shape));
  const storedHalf = halfRectangle(storedArea);
  return { orientation, width, height, area, grid, storedArea, storedHalf, storedGrid: turnGrid(orientation, grid) };
}
