// Cell means of one geometry through the whole window, from which segments at any time are averaged.
import { featureCount, toFeatures } from './dct.ts';
import { type Cells, type Geometry, ThumbTables } from './geometry.ts';
import { chromaGrid, type Grid } from './grid.ts';
import type { Pause } from './pause.ts';
import { SLICES_PER_SECOND, segmentStarts, type ThumbWindow } from './window.ts';

/** DCT features of consecutive segments. */
export interface Features {
  readonly grid: Grid;
  readonly luma: readonly Float64Array[];
  readonly chroma: readonly Float64Array[];
}

/** The features of segments of cells. */
export function featuresOf(grid: Grid, segments: readonly Cells[]): Features {
  const transform = (cells: Float64Array, channelGrid: Grid) => {
    const features = new Float64Array(featureCount(channelGrid));
    toFeatures(cells, channelGrid, features);
    return features;
  };
  const both = chromaGrid(grid);
  return {
    grid,
    luma: segments.map(({ luma }) => transform(luma, grid)),
    chroma: segments.map(({ chroma }) => transform(chroma, both)),
  };
}

/** Follows a window: `update` adds its new slices and drops the ones that it dropped. */
export class CellTrack {
  readonly geometry: Geometry;
  readonly #window: ThumbWindow;
  readonly #slices: Cells[] = [];
  /** Position of the first slice in the clip. */
  #first = 0;
  readonly #tables: ThumbTables;
  readonly #thumbs: Float64Array;

  constructor(window: ThumbWindow, geometry: Geometry) {
    this.#window = window;
    this.geometry = geometry;
    this.#tables = new ThumbTables(window.layout);
    this.#thumbs = new Float64Array(window.sliceSize);
  }

  /** @param pause called before each slice */
  async update(pause: Pause): Promise<void> {
    const { dropped, slices } = this.#window;
    this.#slices.splice(0, dropped - this.#first);
    this.#first = dropped;
    while (this.#slices.length < slices.length) {
      await pause();
      const k = this.#slices.length;
      this.#window.average(k, k + 1, this.#thumbs);
      this.#tables.fill(this.#thumbs);
      this.#slices.push(this.#tables.cells(this.geometry));
    }
  }

  /**
   * Cell means of consecutive segments.
   *
   * @param start of the first segment, in slices of the window
   * @param skipped segments that are left out at the beginning
   */
  segments(start: number, skipped = 0): Cells[] {
    const { columns, rows } = this.geometry.grid;
    return segmentStarts(start, this.#slices.length)
      .slice(skipped)
      .map((from) => {
        const cells = { luma: new Float64Array(columns * rows), chroma: new Float64Array(2 * columns * rows) };
        const first = Math.max(0, from);
        const last = Math.min(this.#slices.length, from + SLICES_PER_SECOND);
        for (let k = Math.floor(first); k < last; k++) {
          const weight = (Math.min(k + 1, last) - Math.max(k, first)) / (last - first);
          addScaled(cells.luma, weight, this.#slices[k]!.luma);
          addScaled(cells.chroma, weight, this.#slices[k]!.chroma);
        }
        return cells;
      });
  }
}

function addScaled(target: Float64Array, factor: number, values: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] = target[i]! + factor * values[i]!;
}
