import { setTimeout as delay } from 'node:timers/promises';
import type { Cleanup } from './cluster.ts';
import { createRandom, type Random } from './random.ts';
import type { Witness } from './witness.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

export interface TortureOptions extends Omit<WorldOptions, 'random' | 'faultRate'> {
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
): Promise<Witness> {
  const random = createRandom(seed);
  const world = await createWorld(t, { ...options, random: random.fork(), faultRate: 0.7 });
  const end = performance.now() + milliseconds;
  const timeLeft = () => Math.max(0, end - performance.now());
  const stopActors = world.start();
  const ended = new AbortController();
  const cutting = cutNowAndThen(world, random.fork(), cutInterval, ended.signal);
  try {
    while (timeLeft() > 0) await crashSoon(world, random, Math.min(crashInterval, timeLeft()));
  } finally {
    ended.abort();
    await cutting;
  }
  await stopActors();
  await world.checkActors();
  await world.checkTraces();
  return world.witness;
}

/** Crashes a server after a while: at any time, or just when it got a request, or answered one. */
async function crashSoon(world: World, random: Random, interval: number): Promise<void> {
  await delay(random.next() * interval * 2);
  const moment = random.pick(['any', 'forwarded', 'answered'] as const);
  const anyone = random.pick(world.cluster.members);
  const victim =
    moment === 'any' ? anyone : await Promise.race([world.moment(moment), delay(1_000).then(() => anyone)]);
  // From nothing at all up to the time that a request takes with its hash.
  if (random.chance(0.7)) await delay(random.integer(0, 30));
  await world.crash(victim);
}

async function cutNowAndThen(world: World, random: Random, interval: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await delay(random.next() * interval * 2, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await world.cutDatabase();
  }
}

export interface CrashOptions extends Omit<WorldOptions, 'random' | 'faultRate' | 'lateRestarts'> {
  readonly rounds: number;
  readonly seed: number;
}

/** Crashes the server under load, with a good network, and after each crash checks all that was promised so far. */
export async function crashRounds(t: Cleanup, { rounds, seed, ...options }: CrashOptions): Promise<Witness> {
  const random = createRandom(seed);
  const world = await createWorld(t, { ...options, random: random.fork(), faultRate: 0, lateRestarts: 1 });
  for (let round = 1; round <= rounds; round++) {
    const stopActors = world.start();
    await crashSoon(world, random, 500);
    await stopActors();
    await world.checkActors();
  }
  await world.checkTraces();
  return world.witness;
}
