import type { MemorySample } from '../memory.ts';
import type { Target } from './report.ts';
import { ratio } from './report.ts';
import type { Result } from './rounds.ts';

export const FLOOR_TARGET = 0.8;
const GROWTH_TARGET = 1.2;
const LATENCY_TARGET = 5;
const BURST_TARGET = 0.8;
const BURST_LATENCY_TARGET = 2;
const MEMORY_TARGET = 200;
const MILLION = 1_000_000;
/** Before that the memory still warms up. */
const ENOUGH_REQUESTS = 90_000;

/** Holds the results against what the server is meant to reach. What was not measured is not in the list. */
export function checkTargets(
  results: readonly Result[],
  burst: { readonly perRemainingCore: number; readonly results: readonly Result[] } | undefined,
  memory: readonly MemorySample[],
): Target[] {
  const targets: Target[] = [];
  const add = (name: string, wanted: string, found: string, met: boolean) => targets.push({ name, wanted, found, met });
  const find = (part: string, name: string) => results.find((result) => result.part === part && result.name === name);

  const busy = find('encrypt, 64 sessions', 'server');
  if (busy) {
    add(
      'encrypt at 64 sessions, rate of the floor',
      `≥ ${FLOOR_TARGET}`,
      ratio(busy.rate),
      busy.rate.median >= FLOOR_TARGET,
    );
  }
  const calm = find('encrypt, 16 sessions', 'server');
  if (calm) {
    add(
      'encrypt at 16 sessions, p99',
      `≤ ${LATENCY_TARGET} ms`,
      `${calm.p99.toFixed(1)} ms`,
      calm.p99 <= LATENCY_TARGET,
    );
  }
  const largest = results.findLast(({ part }) => part.includes('by users'));
  if (largest?.time) {
    add(
      `processor time at ${largest.name} users, of that at ${largest.base}`,
      `≤ ${GROWTH_TARGET}`,
      ratio(largest.time),
      largest.time.median <= GROWTH_TARGET,
    );
  }
  if (burst) {
    const [without, within] = burst.results;
    const found = burst.perRemainingCore;
    add(
      'encrypt in a login burst, rate of the remaining processor',
      `≥ ${BURST_TARGET}`,
      found.toFixed(2),
      found >= BURST_TARGET,
    );
    const latency = (within?.p99 ?? 0) / (without?.p99 ?? 1);
    add(
      'encrypt in a login burst, p99 of that without',
      `≤ ${BURST_LATENCY_TARGET}`,
      latency.toFixed(2),
      latency <= BURST_LATENCY_TARGET,
    );
  }
  const memoryAtMillion = extrapolate(memory);
  if (memoryAtMillion !== undefined) {
    const mebibytes = memoryAtMillion / 2 ** 20;
    add(
      `memory after a million requests (looked at until ${memory.at(-1)?.requests.toLocaleString('en')})`,
      `≤ ${MEMORY_TARGET} MiB`,
      `${mebibytes.toFixed(0)} MiB`,
      mebibytes <= MEMORY_TARGET,
    );
  }
  return targets;
}

/** Goes on from the second half of the samples as a line, if they end before a million. */
function extrapolate(samples: readonly MemorySample[]): number | undefined {
  const last = samples.at(-1);
  const middle = samples[Math.floor(samples.length / 2)];
  if (!last || !middle || last.requests < ENOUGH_REQUESTS) return undefined;
  const slope = (last.resident - middle.resident) / (last.requests - middle.requests);
  return last.resident + Math.max(0, slope) * Math.max(0, MILLION - last.requests);
}
