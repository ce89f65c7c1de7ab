// Users, and the requests that most tests start with.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Registration, Vws } from '../../src/client/index.ts';
import { expectDone } from './expect.ts';
import { takeRegistrationCode } from './mail.ts';
import { Suite1Client } from './suite1Client.ts';
import type { Suite2Client } from './suite2Client.ts';

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

/** Registers a user in a session of the SDK, with the code from the local mailbox in suite 2. */
export async function registerVws(vws: Vws, server: { readonly dataDir: string }, person: Registration): Promise<void> {
  const { next } = await vws.register(person);
  if (next) await vws.confirmRegistration(await takeRegistrationCode(server.dataDir, person.email));
}

/** Registers a user in a session of suite 2, with the code from the local mailbox. @returns the response with the token */
export async function registerSuite2(client: Suite2Client, { dataDir }: { readonly dataDir: string }, person: Person) {
  const { status, json } = await client.call('/register_user', { ...person });
  assert.deepEqual([status, json], [200, { next: 'confirm_email' }]);
  return client.call('/confirm_registration', { code: await takeRegistrationCode(dataDir, person.email) });
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
