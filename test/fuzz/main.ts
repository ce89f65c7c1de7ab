// `npm run fuzz -- --minutes N [--seed S]`: sends random input to a real server until the time is up. Exit code
// 1, with the seed and the smallest example, if it failed, hung, lost a session or grew without bound.
import { parseArgs } from 'node:util';
import { checkEnvironmentFiles } from './environment.ts';
import { properties } from './properties.ts';
import { openTarget } from './target.ts';

const RUNS = 300;
const ENVIRONMENT_RUNS = 2_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const [minutes, firstSeed] = [Number(values.minutes), Number(values.seed)];
if (!(minutes > 0) || !Number.isInteger(firstSeed)) {
  process.stderr.write('--minutes takes a positive number, --seed a whole one\n');
  process.exit(2);
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const cleanups: (() => unknown)[] = [];
const target = await openTarget({ after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) });
const end = performance.now() + minutes * 60_000;
try {
  for (let seed = firstSeed; performance.now() < end; seed++) {
    checkEnvironmentFiles({ runs: ENVIRONMENT_RUNS, seed });
    for (const [name, property] of Object.entries(properties)) {
      await property(target, { runs: RUNS, seed });
      target.checkMemory();
      say(`seed ${seed}: ${name}: ok`);
    }
  }
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup();
}
