// Encrypt and decrypt, compared with another version of the server in another checkout.
import { join } from 'node:path';
import type { Client } from './support/client.ts';
import { openLoggedIn, register, USERNAME } from './support/people.ts';
import { type Context, candidate, compare, type Result } from './support/rounds.ts';
import { startServer } from './support/target.ts';

const SESSIONS = [16, 64];
const TEXT = 'The text of a message, 100 bytes long.'.padEnd(100);

const encrypt = (client: Client) => client.call(`/encrypt/${USERNAME}`, { message: TEXT });

/** @returns nothing without another checkout */
export async function measureRevision(context: Context): Promise<Result[]> {
  const { otherCheckout, processors } = context;
  if (!otherCheckout) return [];
  const program = join(otherCheckout, 'src', 'server', 'main.ts');
  const targets = [
    { name: 'other checkout', target: await startServer({ processors, program }) },
    { name: 'server', target: await startServer({ processors }) },
  ];
  for (const { target } of targets) await register(target, USERNAME);
  const results: Result[] = [];
  for (const count of SESSIONS) {
    const encrypting = [];
    const decrypting = [];
    for (const { name, target } of targets) {
      const clients = await openLoggedIn(target, count);
      const message = await encrypt(clients[0] as Client);
      encrypting.push(candidate(name, [target], clients, encrypt));
      decrypting.push(candidate(name, [target], clients, (client) => client.call('/decrypt', { message })));
    }
    results.push(...(await compare(`encrypt, ${count} sessions, by version`, encrypting, context)));
    results.push(...(await compare(`decrypt, ${count} sessions, by version`, decrypting, context)));
  }
  return results;
}
