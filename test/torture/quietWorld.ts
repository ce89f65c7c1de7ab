import type { TestContext } from 'node:test';
import { startServer } from '../support/server.ts';
import { createRandom } from './random.ts';
import { createWorld, type World } from './world.ts';

/** A world in which nothing breaks by itself, for the tests that break something on purpose. */
export function createQuietWorld(t: TestContext): Promise<World> {
  return createWorld(t, {
    startServer: (settings) => startServer(t, settings),
    random: createRandom(7),
    actors: 3,
    faultRate: 0,
    lateRestarts: 0,
  });
}
