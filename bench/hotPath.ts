// Encrypt and decrypt by the number of sessions, compared with the floor.
import type { Client } from './support/client.ts';
import { openClients, openLoggedIn, startBoth, USERNAME } from './support/people.ts';
import { type Context, candidate, compare, type Result } from './support/rounds.ts';

const SESSIONS = [1, 16, 64];
const TEXT = 'The text of a message, 100 bytes long.'.padEnd(100);

const encrypt = (client: Client) => client.call(`/encrypt/${USERNAME}`, { message: TEXT });

export async function measureHotPath(context: Context): Promise<Result[]> {
  const { floor, server } = await startBoth(context);
  const results: Result[] = [];
  for (const count of SESSIONS) {
    const sessions = count === 1 ? '1 session' : `${count} sessions`;
    // New ones each time, because the server closes a connection that is unused for a minute.
    const targets = [
      { name: 'floor', target: floor, clients: await openClients(floor, count) },
      { name: 'server', target: server, clients: await openLoggedIn(server, count) },
    ];
    const encrypting = [];
    const decrypting = [];
    for (const { name, target, clients } of targets) {
      const [first] = clients as [Client];
      const message = await encrypt(first);
      encrypting.push(candidate(name, [target], clients, encrypt));
      decrypting.push(candidate(name, [target], clients, (client) => client.call('/decrypt', { message })));
    }
    results.push(...(await compare(`encrypt, ${sessions}`, encrypting, context)));
    results.push(...(await compare(`decrypt, ${sessions}`, decrypting, context)));
  }
  return results;
}
