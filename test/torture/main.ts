// `npm run torture -- --minutes N [--processes P] [--postgres] [--seed S] [--actors A] [--epoch-seconds E]`: clients behind
// a faulty network, while servers on one database are killed and restarted and, on PostgreSQL, lose their connections to
// it. Exit code 1 if anything acknowledged was lost or executed twice.
import { parseArgs } from 'node:util';
import { startPostgres } from '../support/postgres.ts';
import { formatReport } from './oracle.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    processes: { type: 'string', default: '1' },
    postgres: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    actors: { type: 'string', default: '12' },
    'epoch-seconds': { type: 'string', default: '1' },
  },
});
const { minutes: length, 'epoch-seconds': epoch } = values;
const [minutes, seed, processes, actors, epochSeconds] = [
  length,
  values.seed,
  values.processes,
  values.actors,
  epoch,
].map(Number);
const isCount = (value: number | undefined): value is number => Number.isInteger(value) && Number(value) > 0;
if (
  !minutes ||
  !(minutes > 0) ||
  !Number.isInteger(seed) ||
  !isCount(processes) ||
  !isCount(actors) ||
  !isCount(epochSeconds)
) {
  process.stderr.write(
    '--minutes takes a positive number; --processes, --seed, --actors and --epoch-seconds take whole ones\n',
  );
  process.exit(2);
}

const cleanups: (() => unknown)[] = [];
const t = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
if (!values.postgres) {
  process.env.VWS_TEST_DATABASE_URL = '';
} else if (!process.env.VWS_TEST_DATABASE_URL) {
  const postgres = await startPostgres();
  if (!postgres) throw new Error('There is no PostgreSQL for this platform: set VWS_TEST_DATABASE_URL.');
  cleanups.push(postgres.stop);
  process.env.VWS_TEST_DATABASE_URL = postgres.url;
}
// These modules read the variable when they are loaded.
const { startServer } = await import('../support/server.ts');
const { postgresUrl } = await import('../support/store.ts');
const { torture } = await import('./run.ts');

const title = `${processes} processes on ${postgresUrl ? 'PostgreSQL' : 'SQLite'}, ${actors} actors, epochs of ${epochSeconds} s, seed ${seed}`;
process.stdout.write(`torture: ${minutes} minutes, ${title}\n`);
try {
  const oracle = await torture(t, {
    startServer: (settings) => startServer(t, settings),
    processes,
    milliseconds: minutes * 60_000,
    seed: seed as number,
    actors,
    epochSeconds,
    crashInterval: 3_000,
    cutInterval: 2_000,
    lateRestarts: 0.7,
  });
  process.stdout.write(formatReport(oracle, title));
  process.exitCode = oracle.violations.length === 0 ? 0 : 1;
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup();
}
