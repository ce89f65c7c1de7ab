import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, type Random } from './random.ts';
import type { Witness } from './witness.ts';
import { type Cleanup, createWorld, type World, type WorldOptions } from './world.ts';

export interface TortureOptions extends Omit<WorldOptions, 'random' | 'faultRate'> {
  readonly milliseconds: number;
  readonly seed: number;
  /** Mean time between crashes, in milliseconds. */
  readonly crashInterval: number;
}

/** Lets clients work through a faulty network with a server that is killed time and again. */
export async function torture(
  t: Cleanup,
  { milliseconds, seed, crashInterval, ...options }: TortureOptions,
): Promise<Witness> {
  const random = createRandom(seed);
  const world = await createWorld(t, { ...options, random: random.fork(), faultRate: 0.7 });
  const end = performance.now() + milliseconds;
  const stopActors = world.start();
  while (performance.now() < end) await crashSoon(world, random, Math.min(crashInterval, end - performance.now()));
  await stopActors();
  await world.checkActors();
  await world.checkTraces();
  return world.witness;
}

/** Crashes the server after a while: at any time, or just when it got a request, or answered one. */
async function crashSoon(world: World, random: Random, interval: number): Promise<void> {
  await delay(random.next() * interval * 2);
  const moment = random.pick(['any', 'forwarded', 'answered'] as const);
  if (moment !== 'any') await Promise.race([world.moment(moment), delay(1_000)]);
  // From nothing at all up to the time that a request takes with its hash.
  if (random.chance(0.7)) await delay(random.integer(0, 30));
  await world.crash();
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
