// Logins, registrations and recoveries, compared with the floor's login: one hash, one write.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../test/support/poll.ts';
import type { Client } from './support/client.ts';
import { emailOf, logIn, openClients, PASSWORD, register } from './support/people.ts';
import { type Context, candidate, compare, type Result } from './support/rounds.ts';
import { startFloor, startServer } from './support/target.ts';

const SESSIONS = 16;

export async function measurePasswords(context: Context): Promise<Result[]> {
  const floor = await startFloor(context);
  const server = await startServer(context);
  const names = Array.from({ length: SESSIONS }, (_, index) => `user${index}`);
  for (const name of names) await register(server, name);
  const serverClients = await openClients(server, SESSIONS);
  const withNames = (clients: readonly Client[]) => clients.map((client, index) => ({ client, name: `user${index}` }));
  const logInAs = ({ client, name }: { client: Client; name: string }) => logIn(client, name);
  let registrations = 0;
  const signUp = (client: Client) => {
    registrations += 1;
    const username = `new${registrations}`;
    return client.call('/register_user', { username, email: emailOf(username), password: PASSWORD });
  };
  const nextCode = followCodes(server.folder);
  const recover = async (client: Client) => {
    await client.call('/forgot_password', { email: emailOf('user0') });
    await client.call('/confirm_forgot_password', { code: await nextCode() });
    await client.call('/final_forgot_password', { new_password: PASSWORD });
  };
  const candidates = [
    candidate('floor: login', [floor], withNames(await openClients(floor, SESSIONS)), logInAs),
    candidate('login', [server], withNames(serverClients), logInAs),
    candidate('registration', [server], serverClients, signUp),
    // Mails are sent after a pause of random length, so only the processor time counts.
    { ...candidate('recovery', [server], await openClients(server, 1), recover), paced: true },
  ];
  return compare(`passwords, ${SESSIONS} sessions`, candidates, context);
}

/** Returns a function that waits for the next recovery code: without a mail server, the server logs them. */
function followCodes(folder: string): () => Promise<string> {
  let position = 0;
  return async () => {
    const found = await eventually('a recovery code', async () => {
      const log = readFileSync(join(folder, 'log'), 'latin1');
      return /"code":"([A-Z0-9]{6})".*\n/.exec(log.slice(position)) ?? undefined;
    });
    position += found.index + found[0].length;
    return found[1] ?? '';
  };
}
