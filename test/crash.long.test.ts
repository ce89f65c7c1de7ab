// `kill -9` at random moments: nothing that was acknowledged is lost.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { newPerson, register } from './support/people.ts';
import { createDatabase } from './support/postgres.ts';
import { spawnServer, startServer } from './support/server.ts';
import { postgresUrl } from './support/store.ts';
import { formatReport } from './torture/oracle.ts';
import { createRandom } from './torture/random.ts';
import { crashRounds } from './torture/run.ts';

/** More for a longer run. */
const ROUNDS = Number(process.env.VWS_CRASH_ROUNDS || 3);
const ACTORS = 4;
const CRASHED_STARTS = 5;
/** About the time of a start. */
const MAX_START_MS = 700;
const seed = Date.now() % 2 ** 32;

test('accounts, passwords, codes, emails and sessions survive crashes under load', async (t) => {
  const oracle = await crashRounds(t, {
    startServer: (settings) => startServer(t, settings),
    rounds: ROUNDS,
    seed,
    actors: ACTORS,
  });
  const report = formatReport(oracle, `seed ${seed}`);
  assert.equal(oracle.violations.length, 0, report);
  assert.equal(oracle.counts.restarts, ROUNDS);
  t.diagnostic(report);
});

test('a server killed during its first starts: the next start succeeds', async (t) => {
  const random = createRandom(seed);
  const dataDir = await mkdtemp(join(tmpdir(), 'vws-crash-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const database = postgresUrl ? await createDatabase(postgresUrl) : undefined;
  t.after(() => database?.drop());
  const place = { DATA_DIR: dataDir, ...(database && { DATABASE_URL: database.url }) };
  for (let start = 1; start <= CRASHED_STARTS; start++) {
    const { child, exited } = spawnServer(place);
    await delay(random.integer(0, MAX_START_MS));
    child.kill('SIGKILL');
    await exited;
  }
  await register(await startServer(t, place), newPerson());
});
