// Users, and the requests that most tests start with.
import { randomBytes } from 'node:crypto';
import { expectDone } from './expect.ts';
import { Suite1Client } from './suite1Client.ts';

export interface Person {
  username: string;
  email: string;
  password: string;
}

/** A user with a unique name, email and password. */
export function newPerson(username = `user-${unique()}`): Person {
  return { username, email: `mail-${unique()}@example.org`, password: newPassword() };
}

/** A password that the original server accepts: lower case, upper case, digit and sign. */
export function newPassword(): string {
  return `Aa1_${unique()}`;
}

/** Opens a session and registers a user in it. */
export async function register(server: { url: string }, person: Person): Promise<Suite1Client> {
  const client = await Suite1Client.handshake(server);
  expectDone(await client.call('/register_user', { ...person }));
  return client;
}

/** Opens a session and logs in a registered user. */
export async function logIn(server: { url: string }, { email, password }: Person): Promise<Suite1Client> {
  const client = await Suite1Client.handshake(server);
  expectDone(await client.call('/login_user', { email, password }));
  return client;
}

function unique(): string {
  return randomBytes(6).toString('hex');
}
