// The position of a grid in the thumbs of a picture, and its cell means from summed-area tables.
import { chromaGrid, type Grid } from './grid.ts';
import {
  LUMA_THUMBS,
  planeSize,
  SLICES_PER_SECOND,
  segmentStarts,
  type ThumbLayout,
  type ThumbWindow,
} from './window.ts';

/** A grid and its outer edges in luma thumbs; parts of it can be outside of the picture. */
export interface Geometry {
  readonly grid: Grid;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The geometry of a grid that covers the picture. */
export function wholePicture({ grid: { columns, rows } }: ThumbLayout, grid: Grid): Geometry {
  return { grid, left: 0, right: LUMA_THUMBS * columns, top: 0, bottom: LUMA_THUMBS * rows };
}

/** Ranges of samples that the cells along one axis cover. */
interface Ranges {
  readonly from: Float64Array;
  readonly to: Float64Array;
}

/** Cells outside of the picture repeat the nearest one inside. */
function rangesOf(start: number, end: number, cells: number, length: number): Ranges {
  const size = (end - start) / cells;
  const from = new Float64Array(cells);
  const to = new Float64Array(cells);
  for (let i = 0; i < cells; i++) {
    const center = Math.max(size / 2, Math.min(length - size / 2, start + (i + 0.5) * size));
    const isOutside = start + (i + 0.5) * size < 0 || start + (i + 0.5) * size > length;
    from[i] = Math.max(0, isOutside ? center - size / 2 : start + i * size);
    to[i] = Math.min(length, isOutside ? center + size / 2 : start + (i + 1) * size);
  }
  return { from, to };
}

/** Sums of all rectangles of a plane that begin in its top left corner. */
export class SummedTable {
  readonly #width: number;
  readonly #height: number;
  readonly #sums: Float64Array;
  readonly #band: Float64Array;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#sums = new Float64Array((width + 1) * (height + 1));
    this.#band = new Float64Array(width + 2);
  }

  fill(plane: Float64Array): void {
    const stride = this.#width + 1;
    for (let y = 0; y < this.#height; y++) {
      let sum = 0;
      for (let x = 0; x < this.#width; x++) {
        sum += plane[y * this.#width + x]!;
        this.#sums[(y + 1) * stride + x + 1] = this.#sums[y * stride + x + 1]! + sum;
      }
    }
  }

  /**
   * Means of the cells of a grid with these outer edges.
   *
   * @param target overwritten, row by row
   */
  means(grid: Grid, edges: Omit<Geometry, 'grid'>, target: Float64Array): void {
    const columns = rangesOf(edges.left, edges.right, grid.columns, this.#width);
    const rows = rangesOf(edges.top, edges.bottom, grid.rows, this.#height);
    const band = this.#band;
    for (let y = 0; y < grid.rows; y++) {
      const top = rows.from[y]!;
      const bottom = rows.to[y]!;
      this.#sumRows(top, bottom);
      for (let x = 0; x < grid.columns; x++) {
        const from = columns.from[x]!;
        const to = columns.to[x]!;
        const a = Math.floor(from);
        const b = Math.floor(to);
        const left = band[a]! + (from - a) * (band[a + 1]! - band[a]!);
        const right = band[b]! + (to - b) * (band[b + 1]! - band[b]!);
        target[y * grid.columns + x] = (right - left) / ((to - from) * (bottom - top));
      }
    }
  }

  /** Sums the rows between two fractional positions, for each number of columns. */
  #sumRows(top: number, bottom: number): void {
    const stride = this.#width + 1;
    const sums = this.#sums;
    const first = Math.floor(top);
    const last = Math.floor(bottom);
    const a = first * stride;
    const b = last * stride;
    const nextA = Math.min(first + 1, this.#height) * stride;
    const nextB = Math.min(last + 1, this.#height) * stride;
    const shareA = top - first;
    const shareB = bottom - last;
    for (let x = 0; x < stride; x++) {
      const start = sums[a + x]! + shareA * (sums[nextA + x]! - sums[a + x]!);
      const end = sums[b + x]! + shareB * (sums[nextB + x]! - sums[b + x]!);
      this.#band[x] = end - start;
    }
    this.#band[stride] = this.#band[stride - 1]!;
  }
}

/** Cell means of one range of time; chroma has the U grid above the V grid. */
export interface Cells {
  readonly luma: Float64Array;
  readonly chroma: Float64Array;
}

/** Thumbs of one range of time, from which cell means of any geometry are computed. */
export class ThumbTables {
  readonly #layout: ThumbLayout;
  readonly #luma: SummedTable;
  readonly #planes: readonly [SummedTable, SummedTable];

  constructor(layout: ThumbLayout) {
    const { columns, rows } = layout.grid;
    const thumbs = layout.chromaThumbs;
    this.#layout = layout;
    this.#luma = new SummedTable(LUMA_THUMBS * columns, LUMA_THUMBS * rows);
    const plane = () => new SummedTable(thumbs * columns, thumbs * rows);
    this.#planes = [plane(), plane()];
  }

  /** @param thumbs the luma plane, then U, then V */
  fill(thumbs: Float64Array): void {
    const luma = planeSize(this.#layout, LUMA_THUMBS);
    const chroma = planeSize(this.#layout, this.#layout.chromaThumbs);
    this.#luma.fill(thumbs.subarray(0, luma));
    this.#planes[0].fill(thumbs.subarray(luma, luma + chroma));
    this.#planes[1].fill(thumbs.subarray(luma + chroma));
  }

  luma(geometry: Geometry): Float64Array {
    const { columns, rows } = geometry.grid;
    const cells = new Float64Array(columns * rows);
    this.#luma.means(geometry.grid, geometry, cells);
    return cells;
  }

  cells(geometry: Geometry): Cells {
    const { columns, rows } = chromaGrid(geometry.grid);
    const scale = this.#layout.chromaThumbs / LUMA_THUMBS;
    const edges = {
      left: geometry.left * scale,
      right: geometry.right * scale,
      top: geometry.top * scale,
      bottom: geometry.bottom * scale,
    };
    const chroma = new Float64Array(columns * rows);
    this.#planes[0].means(geometry.grid, edges, chroma.subarray(0, chroma.length / 2));
    this.#planes[1].means(geometry.grid, edges, chroma.subarray(chroma.length / 2));
    return { luma: this.luma(geometry), chroma };
  }
}

/** The newest consecutive segments of a window. */
export interface NewestTables {
  readonly tables: readonly ThumbTables[];
  /** Segments before the first one. */
  readonly skipped: number;
}

/**
 * The thumbs of the newest consecutive segments.
 *
 * @param start of the first segment of the window, in slices
 * @param most number of segments
 */
export function newestTables(window: ThumbWindow, start: number, most: number): NewestTables {
  const thumbs = new Float64Array(window.sliceSize);
  const starts = segmentStarts(start, window.slices.length);
  const tables = starts.slice(-most).map((from) => {
    const result = new ThumbTables(window.layout);
    window.average(from, from + SLICES_PER_SECOND, thumbs);
    result.fill(thumbs);
    return result;
  });
  return { tables, skipped: starts.length - tables.length };
}
