/*
 * Random walks of several clients through the whole server but its listener, against a model of what must be true:
 * answers are lost, requests are repeated, delayed and sent at once, the server crashes in the middle and starts again,
 * time passes. A walk that fails is shrunk to a short story.
 *
 *   VWS_MODEL_STEPS=100000   goes further than an ordinary run
 *   VWS_MODEL_SEED=…         walks a failed walk again: its report names the seed
 *
 * The test runner ends a test after two minutes; a longer walk wants `node --test test/sessions.model.test.ts`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Step, steps } from './model/commands.ts';
import { createHarness } from './model/harness.ts';

const STEPS = Number(process.env.VWS_MODEL_STEPS ?? 2_000);
const SEED = process.env.VWS_MODEL_SEED;
const LONGEST_WALK = 80;
const MEAN_WALK = LONGEST_WALK / 2;
/** Ends walking, and shrinking too, before the test runner would end both without a report. In milliseconds. */
const TIME_LIMIT = Math.max(100_000, STEPS * 50);
/** What even a slow machine walks in that time. */
const LEAST_STEPS = Math.min(STEPS / 2, 200);

test('no walk of clients, crashes and time finds the server untrue to the model', async (t) => {
  // Claims are renewed by real time, and no walk takes long enough for that.
  t.mock.timers.enable({ apis: ['setInterval'] });
  const counts = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);

  async function walk(commands: Iterable<Step>): Promise<void> {
    const harness = await createHarness(count);
    try {
      await harness.populate();
      await fc.asyncModelRun(() => ({ model: harness, real: harness }), commands);
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`${message}\n\nThe story:\n${harness.story.join('\n')}`, { cause: error });
    } finally {
      await harness.close();
    }
  }

  await fc.assert(fc.asyncProperty(fc.commands(steps, { maxCommands: LONGEST_WALK, size: 'max' }), walk), {
    numRuns: Math.ceil(STEPS / MEAN_WALK),
    interruptAfterTimeLimit: TIME_LIMIT,
    ...(SEED !== undefined && { seed: Number(SEED) }),
  });
  for (const [what, times] of [...counts].sort()) t.diagnostic(`${times} × ${what}`);
  assert.ok((counts.get('a step') ?? 0) > LEAST_STEPS);
});
