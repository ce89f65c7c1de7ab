/** How the cost of an encrypt request grows with the users and sessions in the database. */
import type { Client } from './support/client.ts';
import type { Context } from './support/context.ts';
import { type FilledFolder, fillFolder } from './support/fill.ts';
import { runLoad } from './support/load.ts';
import { closeAll, openLoggedIn, register, USERNAME } from './support/people.ts';
import { compare, type Result } from './support/rounds.ts';
import { startServer } from './support/target.ts';

const SESSIONS = 64;
const USERS = [100, 10_000, 1_000_000];
const QUICK_USERS = [100, 10_000];

export async function measureGrowth(context: Context): Promise<Result[]> {
  const filled = [];
  for (const users of context.quick ? QUICK_USERS : USERS) filled.push({ users, ...(await fillFolder(users)) });
  const contestants = [];
  for (const folder of filled) contestants.push(await contestant(folder, context));
  try {
    return await compare(`encrypt, ${SESSIONS} sessions, by users and sessions stored`, contestants, context);
  } finally {
    for (const { dispose } of contestants) await dispose();
  }
}

async function contestant(
  { users, folder, environment }: FilledFolder & { readonly users: number },
  { processors }: Context,
) {
  const server = await startServer({ processors, folder, environment });
  const owner = await register(server, USERNAME);
  const clients = await openLoggedIn(server, SESSIONS);
  const encrypt = (client: Client) =>
    client.call(`/encrypt/user${1 + Math.floor(Math.random() * users)}`, { message: 'x'.repeat(100) });
  return {
    name: users.toLocaleString('en'),
    round: (milliseconds: number) => runLoad(clients, encrypt, { milliseconds, pids: [server.pid] }),
    async dispose() {
      closeAll([owner, ...clients]);
      await server.dispose();
    },
  };
}
