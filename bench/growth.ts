// Encrypt by the number of users and sessions in the database.
import type { Client } from './support/client.ts';
import { fillFolder } from './support/fill.ts';
import { openLoggedIn, register, USERNAME } from './support/people.ts';
import { type Context, candidate, compare, type Result } from './support/rounds.ts';
import { startServer } from './support/target.ts';

const SESSIONS = 64;
const USERS = [100, 10_000, 1_000_000];
const QUICK_USERS = [100, 10_000];

export async function measureGrowth(context: Context): Promise<Result[]> {
  const filled = [];
  for (const users of context.quick ? QUICK_USERS : USERS) filled.push({ users, ...(await fillFolder(users)) });
  const candidates = [];
  for (const { users, folder, environment } of filled) {
    const server = await startServer({ processors: context.processors, folder, environment });
    await register(server, USERNAME);
    const clients = await openLoggedIn(server, SESSIONS);
    const encrypt = (client: Client) =>
      client.call(`/encrypt/user${1 + Math.floor(Math.random() * users)}`, { message: 'x'.repeat(100) });
    candidates.push(candidate(users.toLocaleString('en'), [server], clients, encrypt));
  }
  return compare(`encrypt, ${SESSIONS} sessions, by users and sessions stored`, candidates, context);
}
