// Encrypt by the length of the text, compared with the floor.
import type { Client } from './support/client.ts';
import { openClients, openLoggedIn, startBoth, USERNAME } from './support/people.ts';
import { type Context, candidate, compare, type Result } from './support/rounds.ts';

const SESSIONS = 16;
const LENGTHS = { '100 B': 100, '10 KiB': 10 * 1024, '100 KiB': 100 * 1024, '1 MiB': 1024 * 1024 };

export async function measureTexts(context: Context): Promise<Result[]> {
  const { floor, server } = await startBoth(context);
  const floorClients = await openClients(floor, SESSIONS);
  const serverClients = await openLoggedIn(server, SESSIONS);
  const results: Result[] = [];
  for (const [name, length] of Object.entries(LENGTHS)) {
    const message = 'x'.repeat(length);
    const encrypt = (client: Client) => client.call(`/encrypt/${USERNAME}`, { message });
    const candidates = [
      candidate('floor', [floor], floorClients, encrypt),
      candidate('server', [server], serverClients, encrypt),
    ];
    results.push(...(await compare(`encrypt, ${SESSIONS} sessions, text of ${name}`, candidates, context)));
  }
  return results;
}
