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
  /** Mean time between cuts of the lines to a PostgreSQL, in milliseconds. */
  readonly cutInterval: number;
}

/** Lets clients work through a faulty network with servers that are killed, and cut off, time and again. */
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
  const cutting = cutNowAndThen(harness, random.fork(), cutInterval, ended.signal);
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

/** Crashes a server after a while: at any time, or just when it got a request, or answered one. */
async function crashSoon(harness: Harness, random: Random, interval: number): Promise<void> {
  await delay(random.next() * interval * 2);
  const moment = random.pick(['any', 'forwarded', 'answered'] as const);
  const anyone = random.pick(harness.cluster.members);
  const victim =
    moment === 'any' ? anyone : await Promise.race([harness.moment(moment), delay(1_000).then(() => anyone)]);
  // From nothing at all up to the time that a request takes with its hash.
  if (random.chance(0.7)) await delay(random.integer(0, 30));
  await harness.crash(victim);
}

async function cutNowAndThen(harness: Harness, random: Random, interval: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await delay(random.next() * interval * 2, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await harness.cutDatabase();
  }
}

export interface CrashOptions extends Omit<HarnessOptions, 'random' | 'faultRate' | 'lateRestarts'> {
  readonly rounds: number;
  readonly seed: number;
}

/** Crashes the server under load, with a good network, and after each crash checks all that was promised so far. */
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
