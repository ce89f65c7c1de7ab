// Reduces pictures to thumbs, in display orientation, for the whole active rectangle or for a grid found in it.
import { type Geometry, wholePicture } from './geometry.ts';
import { type Grid, halfRectangle, type Rectangle, SHORT_SIDE } from './grid.ts';
import type { Layout } from './layout.ts';
import { type Orientation, toDisplayed, toStoredRectangle, turnGrid, turnSize } from './orient.ts';
import type { Picture } from './picture.ts';
import { AreaMeans, evenAxis } from './reduce.ts';
import { LUMA_THUMBS, planeSize, type ThumbLayout } from './window.ts';

/** Chroma has at most this many thumbs along a side of a cell. */
const MOST_CHROMA_THUMBS = 4;

/** The thumbs of a clip. */
export function thumbLayoutOf({ area, grid }: Layout): ThumbLayout {
  const half = halfRectangle(area);
  const most = Math.floor(Math.min(half.width, half.height) / SHORT_SIDE);
  return { grid, chromaThumbs: Math.max(1, Math.min(MOST_CHROMA_THUMBS, most)) };
}

/** Reads the thumbs of one plane. */
class PlaneReader {
  readonly #means: AreaMeans;
  readonly #orientation: Orientation;
  /** Thumbs as displayed. */
  readonly #grid: Grid;
  readonly #stored: Float64Array;

  /**
   * @param bounds of the active rectangle on the plane, as displayed
   * @param area of the thumbs, as displayed; can exceed the bounds
   * @param size of the plane as stored
   */
  constructor(
    grid: Grid,
    bounds: Rectangle,
    area: Rectangle,
    orientation: Orientation,
    size: { width: number; height: number },
  ) {
    const displayed = turnSize(orientation, size);
    const storedArea = toStoredRectangle(orientation, area, displayed);
    const storedGrid = turnGrid(orientation, grid);
    this.#means = new AreaMeans(
      evenAxis(storedArea.x, storedArea.width, storedGrid.columns),
      evenAxis(storedArea.y, storedArea.height, storedGrid.rows),
      toStoredRectangle(orientation, bounds, displayed),
    );
    this.#orientation = orientation;
    this.#grid = grid;
    this.#stored = new Float64Array(grid.columns * grid.rows);
  }

  read(plane: Uint8Array, stride: number, target: Float64Array): void {
    const { rotation, isMirrored } = this.#orientation;
    if (rotation === 0 && !isMirrored) {
      this.#means.reduce(plane, stride, target);
      return;
    }
    this.#means.reduce(plane, stride, this.#stored);
    toDisplayed(this.#orientation, this.#grid.columns, this.#grid.rows, this.#stored, target);
  }
}

/** Scales the edges of a geometry to the samples of a plane. */
function areaOf({ left, right, top, bottom }: Geometry, layout: ThumbLayout, bounds: Rectangle): Rectangle {
  const x = bounds.width / (LUMA_THUMBS * layout.grid.columns);
  const y = bounds.height / (LUMA_THUMBS * layout.grid.rows);
  return { x: bounds.x + left * x, y: bounds.y + top * y, width: (right - left) * x, height: (bottom - top) * y };
}

/** Reads the thumbs of the pictures of one clip. */
export class ThumbReader {
  readonly layout: ThumbLayout;
  readonly #luma: PlaneReader;
  readonly #chroma: PlaneReader;
  readonly #thumbs: Float64Array;

  /**
   * @param clip where the whole picture lies
   * @param geometry a grid in the thumbs of the whole picture, to read thumbs that divide it exactly
   */
  constructor(clip: Layout, geometry?: Geometry) {
    const { area, orientation, width, height } = clip;
    const whole = thumbLayoutOf(clip);
    const edges = geometry ?? wholePicture(whole, whole.grid);
    this.layout = { ...whole, grid: edges.grid };
    const plane = (bounds: Rectangle, thumbs: number, size: { width: number; height: number }) => {
      const grid = { columns: edges.grid.columns * thumbs, rows: edges.grid.rows * thumbs };
      return new PlaneReader(grid, bounds, areaOf(edges, whole, bounds), orientation, size);
    };
    this.#luma = plane(area, LUMA_THUMBS, { width, height });
    this.#chroma = plane(halfRectangle(area), whole.chromaThumbs, { width: width >> 1, height: height >> 1 });
    const luma = planeSize(this.layout, LUMA_THUMBS);
    this.#thumbs = new Float64Array(luma + 2 * planeSize(this.layout, whole.chromaThumbs));
  }

  /** @returns the luma plane, then U, then V; the array is reused for the next picture */
  read({ y, u, v, strideY, strideC }: Picture): Float64Array {
    const luma = planeSize(this.layout, LUMA_THUMBS);
    const chroma = planeSize(this.layout, this.layout.chromaThumbs);
    this.#luma.read(y, strideY, this.#thumbs.subarray(0, luma));
    this.#chroma.read(u, strideC, this.#thumbs.subarray(luma, luma + chroma));
    this.#chroma.read(v, strideC, this.#thumbs.subarray(luma + chroma));
    return this.#thumbs;
  }
}
