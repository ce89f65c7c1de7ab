// One, two and three processes on one PostgreSQL database, compared with one on SQLite.
import { randomBytes } from 'node:crypto';
import { createDatabase } from '../test/support/postgres.ts';
import type { Client } from './support/client.ts';
import { openLoggedIn, register, USERNAME } from './support/people.ts';
import { type Context, candidate, compare, type Result } from './support/rounds.ts';
import { disposeTargets, startServer, type Target } from './support/target.ts';

const SESSIONS = 48;
const PROCESSES = [1, 2, 3];

/** @returns nothing without a PostgreSQL server */
export async function measureProcesses(context: Context): Promise<Result[]> {
  if (!context.postgresUrl) return [];
  const database = await createDatabase(context.postgresUrl);
  const environment = { DATABASE_URL: database.url, VWS_MASTER_KEY: randomBytes(32).toString('hex') };
  // Not pinned: PostgreSQL is not pinned either and would have to share the servers' processor.
  const sqlite = await startServer({ processors: undefined });
  const servers: Target[] = [];
  for (const _ of PROCESSES) servers.push(await startServer({ processors: undefined, environment }));
  const entries: [name: string, targets: Target[]][] = [
    ['SQLite', [sqlite]],
    ...PROCESSES.map((count): [string, Target[]] => [
      `PostgreSQL, ${count} process${count > 1 ? 'es' : ''}`,
      servers.slice(0, count),
    ]),
  ];
  for (const [, [target]] of entries.slice(0, 2)) if (target) await register(target, USERNAME);
  const candidates = [];
  for (const [name, targets] of entries) {
    const clients: Client[] = [];
    for (const target of targets) clients.push(...(await openLoggedIn(target, SESSIONS / targets.length)));
    const encrypt = (client: Client) => client.call(`/encrypt/${USERNAME}`, { message: 'x'.repeat(100) });
    candidates.push(candidate(name, targets, clients, encrypt));
  }
  const results = await compare(`encrypt, ${SESSIONS} sessions, by engine`, candidates, context);
  await disposeTargets();
  await database.drop();
  return results;
}
