import { type Client, openClient } from './client.ts';
import type { Target } from './target.ts';

/** Whoever is made by {@link register} has this password. */
export const PASSWORD = 'Bench-pass-1!';
/** The one user of the floor, and of most comparisons. */
export const USERNAME = 'bench';

export const emailOf = (username: string) => `${username}@example.org`;

/** Makes an account on a session of its own. */
export async function register({ url }: Target, username: string): Promise<Client> {
  const client = await openClient(url);
  await client.call('/register_user', { username, email: emailOf(username), password: PASSWORD });
  return client;
}

export function logIn(client: Client, username: string): Promise<string> {
  return client.call('/login_user', { email: emailOf(username), password: PASSWORD });
}

/** Opens sessions, one after the other. */
export async function openClients({ url }: Pick<Target, 'url'>, count: number): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < count) clients.push(await openClient(url));
  return clients;
}

/** Opens sessions that are logged in. */
export async function openLoggedIn(target: Pick<Target, 'url'>, count: number, username = USERNAME): Promise<Client[]> {
  const clients = await openClients(target, count);
  for (const client of clients) await logIn(client, username);
  return clients;
}

export function closeAll(clients: Iterable<{ close(): void }>): void {
  for (const client of clients) client.close();
}
