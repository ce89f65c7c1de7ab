// Accounts and sessions on the measured servers.
import { type Client, openClient } from './client.ts';
import type { Context } from './rounds.ts';
import { startFloor, startServer, type Target } from './target.ts';

/** The password of every account. */
export const PASSWORD = 'Bench-pass-1!';
/** The one user of the floor, and of most comparisons. */
export const USERNAME = 'bench';

export const emailOf = (username: string) => `${username}@example.org`;

/** Starts the floor, and a server with the account of {@link USERNAME}. */
export async function startBoth(context: Context): Promise<{ floor: Target; server: Target }> {
  const [floor, server] = [await startFloor(context), await startServer(context)];
  await register(server, USERNAME);
  return { floor, server };
}

export async function register({ url }: Target, username: string): Promise<void> {
  const client = await openClient(url);
  await client.call('/register_user', { username, email: emailOf(username), password: PASSWORD });
}

export function logIn(client: Client, username: string): Promise<string> {
  return client.call('/login_user', { email: emailOf(username), password: PASSWORD });
}

export async function openClients({ url }: Target, count: number): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < count) clients.push(await openClient(url));
  return clients;
}

export async function openLoggedIn(target: Target, count: number, username = USERNAME): Promise<Client[]> {
  const clients = await openClients(target, count);
  for (const client of clients) await logIn(client, username);
  return clients;
}
