/**
 * `npm run torture -- --minutes N [--seed S] [--actors A]`: clients at work through a faulty network while the server
 * is killed and started again. Exit code 1 if anything that was acknowledged got lost or was done twice.
 */
import type { TestContext } from 'node:test';
import { parseArgs } from 'node:util';
import { startServer } from '../support/server.ts';
import { torture } from './run.ts';
import { formatReport } from './witness.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    actors: { type: 'string', default: '12' },
  },
});
const [minutes, seed, actors] = [Number(values.minutes), Number(values.seed), Number(values.actors)];
if (!(minutes > 0) || !Number.isInteger(seed) || !(Number.isInteger(actors) && actors > 0)) {
  process.stderr.write('--minutes takes a positive number, --seed and --actors take whole ones\n');
  process.exit(2);
}

const cleanups: (() => unknown)[] = [];
const t = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
process.stdout.write(`torture: ${minutes} minutes, ${actors} actors, seed ${seed}\n`);
try {
  const witness = await torture(t, {
    startServer: (settings) => startServer(t as unknown as TestContext, settings),
    milliseconds: minutes * 60_000,
    seed,
    actors,
    crashInterval: 3_000,
    lateRestarts: 0.7,
  });
  process.stdout.write(formatReport(witness, `seed ${seed}`));
  process.exitCode = witness.broken.length === 0 ? 0 : 1;
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup();
}
