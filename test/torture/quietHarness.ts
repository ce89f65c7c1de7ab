// The torture harness without faults.
import type { TestContext } from 'node:test';
import { startServer } from '../support/server.ts';
import { createHarness, type Harness } from './harness.ts';
import { createRandom } from './random.ts';

/** A harness without faults, for tests that break something on purpose. */
export function createQuietHarness(t: TestContext): Promise<Harness> {
  return createHarness(t, {
    startServer: (settings) => startServer(t, settings),
    random: createRandom(7),
    actors: 3,
    faultRate: 0,
    lateRestarts: 0,
  });
}
