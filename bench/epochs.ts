// The effect of an epoch change on requests, with many live sessions.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { EpochFile } from '../src/server/keyring/epochFile.ts';
import { createDatabase } from '../test/support/postgres.ts';
import type { Client } from './support/client.ts';
import { openLoggedIn, register, USERNAME } from './support/people.ts';
import type { Context } from './support/rounds.ts';
import { percentile } from './support/statistics.ts';
import { disposeTargets, makeFolder, startServer } from './support/target.ts';

const STORED_SESSIONS = 100_000;
const QUICK_STORED_SESSIONS = 5_000;
/** Clients that send requests, each with a pause, so that the server has time left. */
const CLIENTS = 8;
const PAUSE_MS = 20;
const EPOCH_SECONDS = 15;
const POLL_INTERVAL_MS = 5;
const MAX_CHANGE_MS = 300_000;

/** Latencies of requests in one phase, in milliseconds. */
export interface EpochSample {
  readonly engine: string;
  readonly phase: string;
  readonly seconds: number;
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** @returns a row for requests between two changes and one for those during a change, for each engine */
export async function measureEpochs(context: Context): Promise<EpochSample[]> {
  const sessions = context.quick ? QUICK_STORED_SESSIONS : STORED_SESSIONS;
  const folder = makeFolder();
  const onSqlite = await measureEngine('SQLite', context, folder, {}, async () => fillSqlite(folder, sessions));
  await disposeTargets();
  if (!context.postgresUrl) return onSqlite;
  const database = await createDatabase(context.postgresUrl);
  const settings = { DATABASE_URL: database.url, VWS_MASTER_KEY: randomBytes(32).toString('hex') };
  const onPostgres = await measureEngine('PostgreSQL', context, makeFolder(), settings, () =>
    fillPostgres(database.url, sessions),
  );
  await disposeTargets();
  await database.drop();
  return [...onSqlite, ...onPostgres];
}

async function measureEngine(
  engine: string,
  { processors }: Context,
  folder: string,
  settings: Readonly<Record<string, string>>,
  fill: () => Promise<void>,
): Promise<EpochSample[]> {
  const path = join(folder, 'epoch');
  const environment = { ...settings, EPOCH_FILE: path, EPOCH_SECONDS: String(EPOCH_SECONDS) };
  // PostgreSQL is not pinned and would have to share the server's processor.
  const server = await startServer({ processors: engine === 'SQLite' ? processors : undefined, folder, environment });
  await register(server, USERNAME);
  const clients = await openLoggedIn(server, CLIENTS);
  await fill();
  const file = new EpochFile(path, Date.now());
  const isChanging = () => file.read().previous !== undefined;
  // The first change may have begun before all rows existed.
  await waitUntil(() => !isChanging());
  const quiet = await measurePhase(clients, isChanging);
  const change = await measurePhase(clients, () => !isChanging());
  file.close();
  return [
    { engine, phase: 'between changes', ...quiet },
    { engine, phase: 'during a change', ...change },
  ];
}

/** Sends requests until the phase has ended. */
async function measurePhase(
  clients: readonly Client[],
  hasEnded: () => boolean,
): Promise<Omit<EpochSample, 'engine' | 'phase'>> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  let ended = false;
  const sending = clients.map(async (client) => {
    while (!ended) {
      const sentAt = performance.now();
      await client.call(`/encrypt/${USERNAME}`, { message: 'x'.repeat(100) });
      latencies.push(performance.now() - sentAt);
      await delay(PAUSE_MS * 2 * Math.random());
    }
  });
  await waitUntil(hasEnded);
  ended = true;
  await Promise.all(sending);
  latencies.sort((a, b) => a - b);
  return {
    seconds: (performance.now() - startedAt) / 1000,
    requests: latencies.length,
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
    max: percentile(latencies, 100),
  };
}

async function waitUntil(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + MAX_CHANGE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('an epoch change did not begin or did not end');
    await delay(POLL_INTERVAL_MS);
  }
}

const COLUMNS = `step_id, session_id, parent_id, suite, user_id, recovery_id, sealed_secret, request_hash, sealed_response,
  repeatable, used, last_used_at, started_at`;

/** Inserts sessions whose keys are unknown. */
function fillSqlite(folder: string, sessions: number): void {
  const database = new DatabaseSync(join(folder, 'vws.db'), { timeout: 10_000 });
  database.exec(`
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${sessions})
      INSERT INTO session_steps (${COLUMNS})
      SELECT randomblob(32), randomblob(16), randomblob(32), 1, NULL, NULL, randomblob(60), randomblob(32),
        randomblob(1200), 1, 1, ${Date.now()}, ${Date.now()} FROM numbers`);
  database.close();
}

async function fillPostgres(url: string, sessions: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const hash = (label: string) => `sha256((n || '${label}')::bytea)`;
  await client.query(`INSERT INTO session_steps (${COLUMNS})
    SELECT ${hash('id')}, substring(${hash('session')} FOR 16), ${hash('parent')}, 1, NULL, NULL,
      ${hash('a')} || substring(${hash('b')} FOR 28), ${hash('request')},
      decode(repeat(md5(n::text), 75), 'hex'), 1, 1, ${Date.now()}, ${Date.now()}
    FROM generate_series(1, ${sessions}) AS n`);
  await client.query('ANALYZE session_steps');
  await client.end();
}
