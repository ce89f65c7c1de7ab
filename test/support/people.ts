/** Users for the tests, and the steps that nearly every test begins with. */
import { randomBytes } from 'node:crypto';
import { expectDone } from './expect.ts';
import { Suite1Client } from './suite1Client.ts';

export interface Person {
  username: string;
  email: string;
  password: string;
}

/** A person nobody else has met: unique name, e-mail and password. */
export function newPerson(username = `user-${unique()}`): Person {
  return { username, email: `mail-${unique()}@example.org`, password: newPassword() };
}

/** A password by the rule of the original: lower case, upper case, digit and sign. */
export function newPassword(): string {
  return `Aa1_${unique()}`;
}

/** A new session, logged in as a newly registered user. */
export async function register(server: { url: string }, person: Person): Promise<Suite1Client> {
  const client = await Suite1Client.handshake(server);
  expectDone(await client.call('/register_user', { ...person }));
  return client;
}

/** A new session, logged in as a known user. */
export async function logIn(server: { url: string }, { email, password }: Person): Promise<Suite1Client> {
  const client = await Suite1Client.handshake(server);
  expectDone(await client.call('/login_user', { email, password }));
  return client;
}

function unique(): string {
  return randomBytes(6).toString('hex');
}
