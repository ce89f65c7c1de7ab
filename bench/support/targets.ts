// The figures that the server is meant to reach.
import type { MemorySample } from '../memory.ts';
import { PLANNED_PICTURES, VIDEO_CORE_PART } from '../video.ts';
import { ratio, type TargetFigure } from './report.ts';
import type { Result } from './rounds.ts';

const MILLION = 1_000_000;
/** Until then, memory still grows to its usual level. */
const WARM_UP_REQUESTS = 90_000;

/**
 * Compares the results with the targets; leaves out what was not measured.
 *
 * @param burst the part `loginBurst`
 */
export function checkTargets(
  results: readonly Result[],
  burst: { readonly perRemainingCore: number; readonly results: readonly Result[] } | undefined,
  memory: readonly MemorySample[],
): TargetFigure[] {
  const figures: TargetFigure[] = [];
  const atLeast = (name: string, limit: number, value: number, found = value.toFixed(2)) =>
    figures.push({ name, wanted: `≥ ${limit}`, found, met: value >= limit });
  const atMost = (name: string, limit: number, value: number, found = value.toFixed(2), unit = '') =>
    figures.push({ name, wanted: `≤ ${limit}${unit}`, found: found + unit, met: value <= limit });
  const serverIn = (part: string) => results.find((result) => result.part === part && result.name === 'server');

  const busy = serverIn('encrypt, 64 sessions');
  if (busy) atLeast('encrypt at 64 sessions, rate of the floor', 0.8, busy.rate.median, ratio(busy.rate));
  const calm = serverIn('encrypt, 16 sessions');
  if (calm) atMost('encrypt at 16 sessions, p99', 5, calm.p99, calm.p99.toFixed(1), ' ms');
  const largest = results.findLast(({ part }) => part.includes('by users'));
  if (largest?.time) {
    const name = `processor time at ${largest.name} users, relative to ${largest.base}`;
    atMost(name, 1.2, largest.time.median, ratio(largest.time));
  }
  if (burst) {
    const [without, within] = burst.results;
    atLeast('encrypt in a login burst, rate of the remaining processor', 0.8, burst.perRemainingCore);
    atMost('encrypt in a login burst, p99 relative to none', 2, (within?.p99 ?? 0) / (without?.p99 ?? 1));
  }
  const video = results.filter(({ part }) => part === VIDEO_CORE_PART).map(({ serverTime }) => serverTime);
  const [look, change, plan, read, search] = video;
  if (look !== undefined && change !== undefined && plan !== undefined) {
    const perSecond = MILLION / (look + change + plan / PLANNED_PICTURES);
    atLeast('video core, hide at 1280×720, pictures/s of one processor', 100, perSecond, perSecond.toFixed(0));
  }
  if (read !== undefined && search !== undefined) {
    const perSecond = MILLION / read;
    atLeast('video core, reveal at 1280×720, pictures/s of one processor', 200, perSecond, perSecond.toFixed(0));
    const seconds = search / MILLION;
    atMost('video core, search of 30 s without a mark', 4, seconds, seconds.toFixed(1), ' s');
  }
  const mebibytes = atMillion(memory) / 2 ** 20;
  if (mebibytes > 0) {
    const name = `memory after a million requests (measured up to ${memory.at(-1)?.requests.toLocaleString('en')})`;
    atMost(name, 200, mebibytes, mebibytes.toFixed(0), ' MiB');
  }
  return figures;
}

/** Bytes after a million requests: if the samples end before, the second half of them continued as a line. */
function atMillion(samples: readonly MemorySample[]): number {
  const last = samples.at(-1);
  const middle = samples[Math.floor(samples.length / 2)];
  if (!last || !middle || last.requests < WARM_UP_REQUESTS) return 0;
  const slope = (last.resident - middle.resident) / (last.requests - middle.requests);
  return last.resident + Math.max(0, slope) * Math.max(0, MILLION - last.requests);
}
