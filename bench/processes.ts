/** One, two and three processes on one PostgreSQL database, against one on SQLite. */
import { randomBytes } from 'node:crypto';
import { createDatabase } from '../test/support/postgres.ts';
import type { Client } from './support/client.ts';
import type { Context } from './support/context.ts';
import { runLoad } from './support/load.ts';
import { closeAll, openLoggedIn, register, USERNAME } from './support/people.ts';
import { compare, type Result } from './support/rounds.ts';
import { startServer, type Target } from './support/target.ts';

const SESSIONS = 48;
const PROCESSES = [1, 2, 3];

export async function measureProcesses(context: Context): Promise<Result[]> {
  if (!context.postgresUrl) return [];
  const database = await createDatabase(context.postgresUrl);
  const shared = { DATABASE_URL: database.url, VWS_MASTER_KEY: randomBytes(32).toString('hex') };
  // Not pinned: PostgreSQL, which is not either, would have to share the servers' processor.
  const sqlite = await startServer({ processors: undefined });
  const servers: Target[] = [];
  for (const _ of PROCESSES) servers.push(await startServer({ processors: undefined, environment: shared }));
  const [first] = servers;
  if (!first) return [];
  const owners = [await register(sqlite, USERNAME), await register(first, USERNAME)];
  const opened: Client[] = [];
  const contestant = async (name: string, targets: readonly Target[]) => {
    const clients: Client[] = [];
    for (const target of targets) clients.push(...(await openLoggedIn(target, SESSIONS / targets.length)));
    opened.push(...clients);
    const encrypt = (client: Client) => client.call(`/encrypt/${USERNAME}`, { message: 'x'.repeat(100) });
    const pids = targets.map(({ pid }) => pid);
    return { name, round: (milliseconds: number) => runLoad(clients, encrypt, { milliseconds, pids }) };
  };
  try {
    const contestants = [await contestant('SQLite', [sqlite])];
    for (const count of PROCESSES) {
      contestants.push(
        await contestant(`PostgreSQL, ${count} process${count > 1 ? 'es' : ''}`, servers.slice(0, count)),
      );
    }
    return await compare(`encrypt, ${SESSIONS} sessions, by engine`, contestants, context);
  } finally {
    closeAll([...owners, ...opened]);
    for (const target of [sqlite, ...servers]) await target.dispose();
    await database.drop();
  }
}
