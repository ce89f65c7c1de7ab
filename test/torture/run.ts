// Torture and crash runs.
import { setTimeout as delay } from 'node:timers/promises';
import type { Cleanup } from './cluster.ts';
import { createHarness, type Harness, type HarnessOptions } from './harness.ts';
import type { Oracle } from './oracle.ts';
import { createRandom, type Random } from './random.ts';

export interface TortureOptions extends Omit<HarnessOptions, 'random' | 'faultRate'> {
  readonly milliseconds: number;
  readonly seed: number;
  /** Mean time between crashes, in milliseconds. */
  readonly crashInterval: number;
  /** Mean time between cuts of the lines to PostgreSQL, in milliseconds. */
  readonly cutInterval: number;
}

/** Runs clients behind a faulty network while servers are killed and lose their database. */
export async function torture(
  t: Cleanup,
  { milliseconds, seed, crashInterval, cutInterval, ...options }: TortureOptions,
): Promise<Oracle> {
  const random = createRandom(seed);
  const harness = await createHarness(t, { ...options, random: random.fork(), faultRate: 0.7 });
  const end = performance.now() + milliseconds;
  const timeLeft = () => Math.max(0, end - performance.now());
  const stopActors = harness.start();
  const ended = new AbortController();
  const cutting = cutRepeatedly(harness, random.fork(), cutInterval, ended.signal);
  try {
    while (timeLeft() > 0) await crashSoon(harness, random, Math.min(crashInterval, timeLeft()));
  } finally {
    ended.abort();
    await cutting;
  }
  await stopActors();
  await harness.checkActors();
  await harness.checkTraces();
  return harness.oracle;
}

/** Crashes a server after a while: at any time, or just when it has received or answered a request. */
async function crashSoon(harness: Harness, random: Random, interval: number): Promise<void> {
  await delay(random.next() * interval * 2);
  const moment = random.pick(['any', 'forwarded', 'answered'] as const);
  const anyone = random.pick(harness.cluster.members);
  const victim =
    moment === 'any' ? anyone : await Promise.race([harness.moment(moment), delay(1_000).then(() => anyone)]);
  // Up to the time of a request with a password hash.
  if (random.chance(0.7)) await delay(random.integer(0, 30));
  await harness.crash(victim);
}

async function cutRepeatedly(harness: Harness, random: Random, interval: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await delay(random.next() * interval * 2, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await harness.cutDatabase();
  }
}

export interface CrashOptions extends Omit<HarnessOptions, 'random' | 'faultRate' | 'lateRestarts'> {
  readonly rounds: number;
  readonly seed: number;
}

/** Crashes the server under load, without network faults, and checks all promises after each crash. */
export async function crashRounds(t: Cleanup, { rounds, seed, ...options }: CrashOptions): Promise<Oracle> {
  const random = createRandom(seed);
  const harness = await createHarness(t, { ...options, random: random.fork(), faultRate: 0, lateRestarts: 1 });
  for (let round = 1; round <= rounds; round++) {
    const stopActors = harness.start();
    await crashSoon(harness, random, 500);
    await stopActors();
    await harness.checkActors();
  }
  await harness.checkTraces();
  return harness.oracle;
}
