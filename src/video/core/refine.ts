// Refines a place by moving the edges of its grid, first on the template score, then on the pilots.
import type { Place } from './cuts.ts';
import { type Geometry, type NewestTables, newestTables } from './geometry.ts';
import type { Pause } from './pause.ts';
import { fold, SYNC_SEGMENTS, templateScore } from './score.ts';
import { measure } from './soft.ts';
import { TEMPLATE_PLANES } from './template.ts';
import { featuresOf } from './track.ts';
import type { ThumbWindow } from './window.ts';

/** Step sizes in thumbs. */
export const TEMPLATE_STEPS = [2, 1, 0.5, 0.25];
export const PILOT_STEPS = [0.4, 0.2, 0.1, 0.05];
export const SECOND_LOOK_STEPS = [0.12, 0.06, 0.03, 0.015];

const MOST_ROUNDS = 8;

/** Changes of left, right, top and bottom; q = rows / columns keeps the aspect ratio. */
function movesOf(q: number): number[][] {
  const moves = [
    [1, -1, q, -q],
    [1, 0, q, 0],
    [0, 1, 0, q],
    [1, 0, 0, -q],
    [0, 1, -q, 0],
    [1, 1, 0, 0],
    [0, 0, 1, 1],
    [1, -1, 0, 0],
    [0, 0, 1, -1],
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1],
  ];
  return moves.flatMap((move) => [move, move.map((change) => -change)]);
}

function moved(geometry: Geometry, [left, right, top, bottom]: number[], step: number): Geometry {
  return {
    grid: geometry.grid,
    left: geometry.left + left! * step,
    right: geometry.right + right! * step,
    top: geometry.top + top! * step,
    bottom: geometry.bottom + bottom! * step,
  };
}

/** Takes every improvement at once; the next step size follows when a round changes nothing. */
async function climb(
  start: Geometry,
  steps: readonly number[],
  score: (geometry: Geometry) => number,
  pause: Pause,
): Promise<{ geometry: Geometry; score: number }> {
  const moves = movesOf(start.grid.rows / start.grid.columns);
  let best = { geometry: start, score: score(start) };
  for (const step of steps)
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const before = best;
      for (const move of moves) {
        await pause();
        const geometry = moved(best.geometry, move, step);
        const result = score(geometry);
        if (result > best.score) best = { geometry, score: result };
      }
      if (best === before) break;
    }
  return best;
}

/** Moves the edges of a place to the best template score. */
export async function climbOnTemplate(window: ThumbWindow, place: Place, pause: Pause): Promise<Place> {
  const { tables, skipped } = newestTables(window, place.start, SYNC_SEGMENTS);
  const score = (geometry: Geometry) => {
    const segments = tables.map((table) => table.luma(geometry));
    return templateScore(fold(segments, geometry.grid), place.key, place.shift + skipped);
  };
  const best = await climb(place.geometry, TEMPLATE_STEPS, score, pause);
  return { ...place, geometry: best.geometry, z: best.score };
}

function pilotScore({ tables, skipped }: NewestTables, geometry: Geometry, { key, shift }: Place): number {
  const cells = tables.map((table) => table.cells(geometry));
  return measure(featuresOf(geometry.grid, cells), key, (shift + skipped) % TEMPLATE_PLANES)[0]!.score;
}

/** Moves the edges of a place to the best pilot score. */
export async function climbOnPilots(
  window: ThumbWindow,
  place: Place,
  steps: readonly number[],
  pause: Pause,
): Promise<{ place: Place; score: number }> {
  const newest = newestTables(window, place.start, SYNC_SEGMENTS);
  const best = await climb(place.geometry, steps, (geometry) => pilotScore(newest, geometry, place), pause);
  return { place: { ...place, geometry: best.geometry }, score: best.score };
}
