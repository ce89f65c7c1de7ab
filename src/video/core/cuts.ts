// Search for the template in a clip that was cut at the sides: half-cell samples against every offset of the grid.
import { type Geometry, type NewestTables, newestTables } from './geometry.ts';
import { type Grid, gridOf, neighborGridOf } from './grid.ts';
import type { Pause } from './pause.ts';
import type { ReaderKey } from './readerKey.ts';
import { correlate, type Folded, fold, SYNC_SEGMENTS, templateCorner } from './score.ts';
import { TEMPLATE_PLANES } from './template.ts';
import { HALF_CELL_RADII } from './whiten.ts';
import { LUMA_THUMBS, type ThumbWindow } from './window.ts';

/** A grid position in space and time where the template of a key was found. */
export interface Place {
  readonly key: ReaderKey;
  readonly geometry: Geometry;
  /** Start of the first segment, in slices of the window. */
  readonly start: number;
  /** Position of the first segment in the template cycle. */
  readonly shift: number;
  /** Template score. */
  readonly z: number;
}

/** Shares of width and height that may be missing. */
const CUT_STEP = 0.0045;
const CUTS = Array.from({ length: 23 }, (_, i) => i * CUT_STEP);

/** Starts of the first segment that are searched, in slices. */
const STARTS = [0, 2, 5, -2];

/** Places kept per pass. */
const MOST_PLACES = 8;

/** A grid of which the shares fx and fy are missing. */
interface Cut {
  readonly grid: Grid;
  readonly fx: number;
  readonly fy: number;
}

/** The grids that a picture can have had before the shares fx and fy were cut off. */
function cutsOf(width: number, height: number, fx: number, fy: number): Cut[] {
  const before = [width / (1 - fx), height / (1 - fy)] as const;
  const grids = [gridOf(...before), neighborGridOf(...before)];
  return grids.flatMap((grid) => (grid === undefined ? [] : [{ grid, fx, fy }]));
}

/** Half cells of the picture, and the largest offset of the grid along one axis. */
function halfCells(cells: number, cut: number): { visible: number; most: number } {
  const most = Math.ceil(2 * cut * cells);
  return { visible: 2 * cells - most, most };
}

/** Sums half cells into cells whose boundaries lie on even or odd half cells. */
function pairUp(samples: Float64Array, { columns, rows }: Grid, oddX: number, oddY: number): [Float64Array, Grid] {
  const grid = { columns: (columns + oddX + 1) >> 1, rows: (rows + oddY + 1) >> 1 };
  const sums = new Float64Array(grid.columns * grid.rows);
  for (let y = 0; y < rows; y++) {
    const row = ((y + oddY) >> 1) * grid.columns;
    for (let x = 0; x < columns; x++) {
      const cell = row + ((x + oddX) >> 1);
      sums[cell] = sums[cell]! + samples[y * columns + x]!;
    }
  }
  return [sums, grid];
}

/** Calls `visit` with the scores of all shifts for every offset (dx, dy) in half cells. */
function scoreOffsets(
  { sums, norm, grid: half }: Folded,
  cut: Cut,
  key: ReaderKey,
  visit: (dx: number, dy: number, shift: number, z: number) => void,
): void {
  const corner = templateCorner(cut.grid);
  const mostX = halfCells(cut.grid.columns, cut.fx).most;
  const mostY = halfCells(cut.grid.rows, cut.fy).most;
  for (let oddY = 0; oddY <= Math.min(1, mostY); oddY++)
    for (let oddX = 0; oddX <= Math.min(1, mostX); oddX++) {
      const pairs = sums.map((sum) => pairUp(sum, half, oddX, oddY));
      for (let dy = oddY; dy <= mostY; dy += 2)
        for (let dx = oddX; dx <= mostX; dx += 2)
          for (let shift = 0; shift < TEMPLATE_PLANES; shift++) {
            let sum = 0;
            for (let j = 0; j < pairs.length; j++) {
              const [cells, grid] = pairs[j]!;
              sum += correlate(cells, grid, key.plane(shift + j), corner.left + (dx >> 1), corner.top + (dy >> 1));
            }
            visit(dx, dy, shift, sum / norm);
          }
    }
}

/** Searches the cuts of one pass at one time. */
class CutPass {
  readonly #window: ThumbWindow;
  readonly #start: number;
  readonly #newest: NewestTables;

  constructor(window: ThumbWindow, start: number) {
    this.#window = window;
    this.#start = start;
    this.#newest = newestTables(window, start, SYNC_SEGMENTS);
  }

  /** @returns the best place for each cut and key, at most `MOST_PLACES` */
  async search(cuts: readonly Cut[], keys: readonly ReaderKey[], pause: Pause): Promise<Place[]> {
    const places: Place[] = [];
    for (const cut of cuts) {
      const folded = this.#fold(cut);
      for (const key of keys) {
        await pause();
        if (folded.norm > 0) places.push(this.#best(folded, cut, key));
      }
    }
    return places.sort((a, b) => b.z - a.z).slice(0, MOST_PLACES);
  }

  /** Size of a cell in thumbs. */
  #cellSize({ grid, fx, fy }: Cut): { x: number; y: number } {
    const { columns, rows } = this.#window.layout.grid;
    return {
      x: (LUMA_THUMBS * columns) / (grid.columns * (1 - fx)),
      y: (LUMA_THUMBS * rows) / (grid.rows * (1 - fy)),
    };
  }

  #fold(cut: Cut): Folded {
    const columns = halfCells(cut.grid.columns, cut.fx).visible;
    const rows = halfCells(cut.grid.rows, cut.fy).visible;
    const size = this.#cellSize(cut);
    const grid = { columns, rows };
    const geometry = { grid, left: 0, top: 0, right: (columns * size.x) / 2, bottom: (rows * size.y) / 2 };
    const segments = this.#newest.tables.map((tables) => tables.luma(geometry));
    return fold(segments, grid, HALF_CELL_RADII);
  }

  #best(folded: Folded, cut: Cut, key: ReaderKey): Place {
    const best = { dx: 0, dy: 0, shift: 0, z: Number.NEGATIVE_INFINITY };
    scoreOffsets(folded, cut, key, (dx, dy, shift, z) => {
      if (z > best.z) Object.assign(best, { dx, dy, shift, z });
    });
    const { grid } = cut;
    const size = this.#cellSize(cut);
    const left = (-best.dx / 2) * size.x;
    const top = (-best.dy / 2) * size.y;
    const geometry = { grid, left, top, right: left + grid.columns * size.x, bottom: top + grid.rows * size.y };
    // That of the first segment in the window, which is before the newest ones.
    const shift = (best.shift + TEMPLATE_PLANES - (this.#newest.skipped % TEMPLATE_PLANES)) % TEMPLATE_PLANES;
    return { key, geometry, start: this.#start, shift, z: best.z };
  }
}

/**
 * Searches clips that were cut at the sides: alike in both directions at several times, or in one direction only.
 *
 * @param width of the active rectangle as displayed
 * @param isDeep also searches every pair of cuts
 * @returns places with their scores, the best first
 */
export async function searchCuts(
  window: ThumbWindow,
  keys: readonly ReaderKey[],
  { width, height }: { width: number; height: number },
  isDeep: boolean,
  pause: Pause,
): Promise<Place[]> {
  const alike = CUTS.flatMap((f) => cutsOf(width, height, f, f));
  const single = CUTS.slice(1).flatMap((f) => [...cutsOf(width, height, f, 0), ...cutsOf(width, height, 0, f)]);
  const pairs = CUTS.slice(1).flatMap((fx) =>
    CUTS.slice(1).flatMap((fy) => (fx === fy ? [] : cutsOf(width, height, fx, fy))),
  );
  const places: Place[] = [];
  for (const start of STARTS) {
    await pause();
    const pass = new CutPass(window, start);
    places.push(...(await pass.search(alike, keys, pause)));
    if (start !== 0) continue;
    places.push(...(await pass.search(single, keys, pause)));
    if (isDeep) places.push(...(await pass.search(pairs, keys, pause)));
  }
  return places.sort((a, b) => b.z - a.z);
}
