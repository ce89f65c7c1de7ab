// Random commands of several clients to the whole server except its listener, checked against a model: responses are
// lost, requests repeated, delayed and sent at once, the server crashes and restarts, time passes. A failed run is shrunk
// to a short history.
//
//   VWS_MODEL_COMMANDS=100000   a longer run
//   VWS_MODEL_SEED=…            repeats a failed run, whose report names the seed
//
// The test runner ends a test after two minutes; start a longer run with `node --test test/sessions.model.long.test.ts`.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { type Command, commands } from './commands.ts';
import { createHarness } from './harness.ts';

const SEED = process.env.VWS_MODEL_SEED;
const MAX_COMMANDS = 80;
const MEAN_COMMANDS = MAX_COMMANDS / 2;
/** More commands are for runs without the time limit of the test runner. */
const MAX_COMMANDS_IN_LANE = 5_000;

/** @param total the number of commands, over all sequences */
export async function runModel(t: TestContext, total: number): Promise<void> {
  // Request locks are renewed in real time, and no sequence takes long enough for that.
  t.mock.timers.enable({ apis: ['setInterval'] });
  const counts = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);

  async function runSequence(sequence: Iterable<Command>): Promise<void> {
    const harness = await createHarness(count);
    try {
      await harness.populate();
      await fc.asyncModelRun(() => ({ model: harness, real: harness }), sequence);
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`${message}\n\nHistory:\n${harness.history.join('\n')}`, { cause: error });
    } finally {
      await harness.close();
    }
  }

  await fc.assert(fc.asyncProperty(fc.commands(commands, { maxCommands: MAX_COMMANDS, size: 'max' }), runSequence), {
    numRuns: Math.ceil(total / MEAN_COMMANDS),
    // Ends a run of the long lane, and shrinking, before the test runner would end both without a report.
    interruptAfterTimeLimit: total > MAX_COMMANDS_IN_LANE ? total * 50 : 100_000,
    ...(SEED !== undefined && { seed: Number(SEED) }),
  });
  for (const [what, times] of [...counts].sort()) t.diagnostic(`${times} × ${what}`);
  assert.ok((counts.get('commands') ?? 0) > 0);
}
