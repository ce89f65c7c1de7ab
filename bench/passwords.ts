/** What hashes a password: logins, registrations and whole recoveries, against the floor's login: one hash, one write. */
import type { Client } from './support/client.ts';
import type { Context } from './support/context.ts';
import { runLoad } from './support/load.ts';
import { followCodes } from './support/mailbox.ts';
import { closeAll, emailOf, logIn, openClients, PASSWORD, register } from './support/people.ts';
import { compare, type Result } from './support/rounds.ts';
import { startFloor, startServer, type Target } from './support/target.ts';

const SESSIONS = 16;

export async function measurePasswords(context: Context): Promise<Result[]> {
  const floor = await startFloor(context);
  const server = await startServer(context);
  const names = Array.from({ length: SESSIONS }, (_, index) => `user${index}`);
  const owners = [];
  for (const name of names) owners.push(await register(server, name));
  const clients = { floor: await openClients(floor, SESSIONS), server: await openClients(server, SESSIONS) };
  // Mails are sent after a pause of random length, so what counts is the processor time.
  const [recovering] = await openClients(server, 1);
  const nextCode = followCodes(server.folder);
  let registrations = 0;

  const contestant = <U>(name: string, { pid }: Target, users: readonly U[], act: (user: U) => Promise<unknown>) => ({
    name,
    round: (milliseconds: number) => runLoad(users, act, { milliseconds, pids: [pid] }),
  });
  const pairs = (own: readonly Client[]) => own.map((client, index) => ({ client, name: names[index] ?? '' }));
  const signUp = (client: Client) => {
    registrations += 1;
    const username = `new${registrations}`;
    return client.call('/register_user', { username, email: emailOf(username), password: PASSWORD });
  };
  const recover = async (client: Client) => {
    await client.call('/forgot_password', { email: emailOf(names[0] ?? '') });
    await client.call('/confirm_forgot_password', { code: await nextCode() });
    await client.call('/final_forgot_password', { new_password: PASSWORD });
  };

  try {
    const floorLogin = contestant('floor: login', floor, pairs(clients.floor), ({ client, name }) =>
      logIn(client, name),
    );
    return await compare(
      `passwords, ${SESSIONS} sessions`,
      [
        floorLogin,
        contestant('login', server, pairs(clients.server), ({ client, name }) => logIn(client, name)),
        contestant('registration', server, clients.server, signUp),
        { ...contestant('recovery', server, recovering ? [recovering] : [], recover), paced: true },
      ],
      context,
    );
  } finally {
    closeAll([...owners, ...clients.floor, ...clients.server, ...(recovering ? [recovering] : [])]);
    await floor.dispose();
    await server.dispose();
  }
}
