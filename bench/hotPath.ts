/** Encrypt and decrypt, against the floor. */
import type { Client } from './support/client.ts';
import type { Context } from './support/context.ts';
import { runLoad } from './support/load.ts';
import { closeAll, openClients, openLoggedIn, register, USERNAME } from './support/people.ts';
import { compare, type Result, type Rounds } from './support/rounds.ts';
import { startFloor, startServer, type Target } from './support/target.ts';

const SESSIONS = [1, 16, 64];
const TEXT =
  'The hundred bytes of a message that somebody may well want to hide in a video of his last holidays. '.padEnd(100);

export async function measureHotPath(context: Context): Promise<Result[]> {
  const floor = await startFloor(context);
  const server = await startServer(context);
  const owner = await register(server, USERNAME);
  const results: Result[] = [];
  try {
    for (const sessions of SESSIONS) {
      // New ones each time: a connection that is not used for a minute is closed.
      const clients = { floor: await openClients(floor, sessions), server: await openLoggedIn(server, sessions) };
      results.push(...(await measureSessions(sessions, floor, server, clients, context)));
      closeAll([...clients.floor, ...clients.server]);
    }
  } finally {
    owner.close();
    await floor.dispose();
    await server.dispose();
  }
  return results;
}

async function measureSessions(
  sessions: number,
  floor: Target,
  server: Target,
  clients: Readonly<Record<'floor' | 'server', readonly Client[]>>,
  rounds: Rounds,
): Promise<Result[]> {
  const contestant = (name: 'floor' | 'server', { pid }: Target, act: (client: Client) => Promise<unknown>) => ({
    name,
    round: (milliseconds: number) => runLoad(clients[name], act, { milliseconds, pids: [pid] }),
  });
  const encrypt = (client: Client) => client.call(`/encrypt/${USERNAME}`, { message: TEXT });
  const decrypt = (message: string) => (client: Client) => client.call('/decrypt', { message });
  const encrypting = [contestant('floor', floor, encrypt), contestant('server', server, encrypt)];
  const decrypting = [
    contestant('floor', floor, decrypt(await encryptOnce(clients.floor, encrypt))),
    contestant('server', server, decrypt(await encryptOnce(clients.server, encrypt))),
  ];
  return [
    ...(await compare(`encrypt, ${plural(sessions)}`, encrypting, rounds)),
    ...(await compare(`decrypt, ${plural(sessions)}`, decrypting, rounds)),
  ];
}

async function encryptOnce([client]: readonly Client[], encrypt: (client: Client) => Promise<string>): Promise<string> {
  if (!client) throw new Error('no session');
  return encrypt(client);
}

function plural(sessions: number): string {
  return sessions === 1 ? '1 session' : `${sessions} sessions`;
}
