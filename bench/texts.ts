/** Encrypt by the length of the text, against the floor. */
import type { Client } from './support/client.ts';
import type { Context } from './support/context.ts';
import { runLoad } from './support/load.ts';
import { closeAll, openClients, openLoggedIn, register, USERNAME } from './support/people.ts';
import { compare, type Result } from './support/rounds.ts';
import { startFloor, startServer, type Target } from './support/target.ts';

const SESSIONS = 16;
const LENGTHS = { '100 B': 100, '10 KiB': 10 * 1024, '100 KiB': 100 * 1024, '1 MiB': 1024 * 1024 };

export async function measureTexts(context: Context): Promise<Result[]> {
  const floor = await startFloor(context);
  const server = await startServer(context);
  const owner = await register(server, USERNAME);
  const clients = { floor: await openClients(floor, SESSIONS), server: await openLoggedIn(server, SESSIONS) };
  const results: Result[] = [];
  try {
    for (const [name, length] of Object.entries(LENGTHS)) {
      const message = 'x'.repeat(length);
      const encrypt = (client: Client) => client.call(`/encrypt/${USERNAME}`, { message });
      const contestant = (who: 'floor' | 'server', { pid }: Target) => ({
        name: who,
        round: (milliseconds: number) => runLoad(clients[who], encrypt, { milliseconds, pids: [pid] }),
      });
      const contestants = [contestant('floor', floor), contestant('server', server)];
      results.push(...(await compare(`encrypt, ${SESSIONS} sessions, text of ${name}`, contestants, context)));
    }
  } finally {
    closeAll([owner, ...clients.floor, ...clients.server]);
    await floor.dispose();
    await server.dispose();
  }
  return results;
}
