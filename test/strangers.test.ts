// Strangers at other addresses against a real server: they keep the owner out of neither login nor recovery.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type SessionStorage } from '../src/client/index.ts';
import { codeFromMailbox, codeIn, mailboxOf, takeRegistrationCode } from './support/mail.ts';
import { newPassword, newPerson, register, registerSuite2, registerVws } from './support/people.ts';
import { startServer, type TestServer } from './support/server.ts';
import { Suite1Client } from './support/suite1Client.ts';
import { Suite2Client } from './support/suite2Client.ts';
import { runVws } from './support/vws.ts';

const NETWORKS = 24;
const STRANGERS = Array.from({ length: NETWORKS }, (_, n) => `198.51.${n}.7`);

/** Behaves like the global fetch of a machine with this address: the server trusts the header. */
const fetchFrom =
  (address: string): typeof fetch =>
  (url, init) =>
    fetch(url, {
      ...init,
      headers: { ...(init?.headers as object), 'x-forwarded-for': address, 'x-forwarded-proto': 'https' },
    });

/** Mails to an account in an hour, by default. */
const MAILS = 20;
const settings = { TRUSTED_PROXIES: '127.0.0.0/8', RATE_RECOVERIES_PER_MINUTE: '10000000' };

async function pinOf(server: TestServer): Promise<string> {
  const { identity } = (await (await fetch(`${server.url}/.well-known/vws`)).json()) as { identity: string };
  return identity;
}

/** Waits until this many mails have arrived. @returns their codes */
async function codesOf(server: TestServer, email: string, count: number): Promise<string[]> {
  const codes: string[] = [];
  while (codes.length < count) codes.push(await codeFromMailbox(server.dataDir, email, codes));
  return codes;
}

/** @returns the outcome of a login with suite 1 */
async function logIn1(server: TestServer, address: string, email: string, password: string): Promise<string> {
  const client = await Suite1Client.handshake(server);
  const { path, body } = client.prepare('/login_user', { email, password });
  const response = await fetchFrom(address)(server.url + path, { method: 'POST', body });
  return ((await response.json()) as { error?: string }).error ?? `${response.status}`;
}

test('a stranger with many networks', async (t) => {
  const server = await startServer(t, settings);
  const pin = await pinOf(server);
  const person = newPerson();
  const { email, password } = person;
  let tokens: string | undefined;
  const deviceStorage: SessionStorage = {
    load: () => tokens,
    save: (text) => {
      tokens = text;
    },
  };
  const at = (address: string) => ({ pin, fetch: fetchFrom(address) });
  const owner = await connect(server.url, { ...at('203.0.113.1'), deviceStorage });
  await registerVws(owner, server, person);

  await t.test('cannot log in', async () => {
    const attempts = STRANGERS.flatMap((address) => Array.from({ length: 5 }, () => address));
    const outcomes: string[] = [];
    // A few at a time: on a busy machine, more would wait too long for a hash and get 503.
    const worker = async () => {
      for (let address = attempts.pop(); address; address = attempts.pop()) {
        outcomes.push(await logIn1(server, address, email, newPassword()));
      }
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    assert.equal(outcomes.filter((outcome) => outcome === 'Password is wrong').length, 100);
    assert.equal(outcomes.filter((outcome) => outcome.startsWith('Account block')).length, NETWORKS * 5 - 100);
  });

  await t.test('does not keep a known device out, wherever it is', async () => {
    await owner.logOut();
    const travelling = await connect(server.url, { ...at(STRANGERS[0] ?? ''), deviceStorage });
    await travelling.login({ email, password });
  });

  await t.test('does not keep an existing client out of a known network', async () => {
    assert.equal(await logIn1(server, '203.0.113.200', email, password), '200');
  });

  await t.test('does not keep a new device out of recovery, nor of the login that follows', async () => {
    // The first network is known since the owner logged in from it.
    const sessions = await Promise.all(STRANGERS.slice(1).map((address) => connect(server.url, at(address))));
    for (const session of sessions.slice(0, MAILS - 1)) await session.requestPasswordReset(email);
    const earlier = await codesOf(server, email, MAILS - 1);
    for (const session of sessions.slice(MAILS - 1)) await session.requestPasswordReset(email);
    const last = await codeFromMailbox(server.dataDir, email, earlier);
    for (const session of sessions.slice(-3)) {
      for (let n = 0; n < 5; n += 1) await assert.rejects(session.verifyResetCode('OOOOOO'), { code: 'invalid_code' });
    }
    const newDevice = await connect(server.url, at('192.0.2.55'));
    await assert.rejects(newDevice.login({ email, password }), { code: 'account_locked' });
    await newDevice.requestPasswordReset(email);
    // No further mail: the code that was mailed last counts.
    await newDevice.verifyResetCode(last);
    const mails = await mailboxOf(server.dataDir, email);
    assert.equal(mails.filter((mail) => codeIn(mail) !== undefined).length, MAILS);
    const changed = newPassword();
    await newDevice.resetPassword(changed);
    await newDevice.login({ email, password: changed });
    assert.equal((await newDevice.getAccount()).email, email);
  });
});

test('strangers at the address of a client that has logged in', async (t) => {
  const limits = {
    RATE_LOGINS_PER_MINUTE: '40',
    RATE_FAILED_LOGINS_PER_MINUTE: '10',
    RATE_RECOVERIES_PER_MINUTE: '20',
  };
  const server = await startServer(t, { ...limits, RATE_MAILS_PER_HOUR: '15' });
  const person = newPerson();
  const tokens = new Map<string, string>();
  const deviceStorage: SessionStorage = {
    load: () => tokens.get('token'),
    save: (text) => {
      tokens.set('token', text);
    },
  };
  const at = { pin: await pinOf(server), deviceStorage };
  const owner = await connect(server.url, at);
  await registerVws(owner, server, person);

  const stranger = await Suite1Client.handshake(server);
  for (let n = 0; n < 60; n += 1) await logIn1(server, '127.0.0.1', newPerson().email, newPassword());
  for (let n = 0; n < 30; n += 1) await stranger.call('/forgot_password', { email: newPerson().email });
  assert.equal((await stranger.call('/forgot_password', { email: newPerson().email })).status, 429);

  await t.test('do not keep a session from changing the password', async () => {
    await owner.changeUsername({ newUsername: `${person.username}2`, password: person.password });
  });

  await t.test('do not keep a device token from logging in', async () => {
    const returning = await connect(server.url, at);
    await returning.login(person);
  });

  await t.test('do not keep a device token from recovery', async () => {
    const recovering = await connect(server.url, at);
    await recovering.requestPasswordReset(person.email);
    await recovering.verifyResetCode(await codeFromMailbox(server.dataDir, person.email));
    await recovering.resetPassword(newPassword());
  });
});

test('the command keeps the device token when it logs out', async (t) => {
  const server = await startServer(t);
  const state = await mkdtemp(join(tmpdir(), 'vws-devices-'));
  t.after(() => rm(state, { recursive: true }));
  const person = newPerson();
  const common = ['--server', server.url, '--state', state, '--pin', await pinOf(server)];
  const run = async (input: string, ...args: string[]) => {
    const { code, stderr } = await runVws([...args, ...common], { input });
    return { code, stderr };
  };
  const account = ['--username', person.username, '--email', person.email];
  assert.equal((await run(`${person.password}\n`, 'register', ...account)).code, 2, 'the code is missing');
  const confirmation = await takeRegistrationCode(server.dataDir, person.email);
  assert.equal((await run(`${confirmation}\n`, 'register', '--code')).code, 0);
  assert.equal((await run('', 'logout')).code, 0);
  // Others in the same network lock it for clients without a token.
  for (let n = 0; n < 5; n += 1) await logIn1(server, '127.0.0.1', person.email, newPassword());
  assert.match(await logIn1(server, '127.0.0.1', person.email, person.password), /^Account block/);
  const { code, stderr } = await run(`${person.password}\n`, 'login', '--email', person.email);
  assert.equal(code, 0, stderr);
});

test('the device token is an optional field of suite 2, and unknown to suite 1', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const { email, password } = person;
  const client = await Suite2Client.handshake(server);
  const { json } = await registerSuite2(client, server, person);
  assert.match(String(json.device_token), /^[\w-]{43}$/);
  const logIn = async (more: object) => {
    const { status, json: fields } = await client.call('/login_user', { email, password, ...more });
    return [status, fields.code ?? fields.device_token === json.device_token];
  };
  assert.deepEqual(await logIn({ device_token: json.device_token }), [200, true]);
  assert.deepEqual(await logIn({}), [200, false]);
  assert.deepEqual(await logIn({ device_token: 'invalid', of_the_future: [1] }), [200, false]);
  assert.deepEqual(await logIn({ device_token: 7 }), [400, 'malformed_request']);

  const existing = await Suite1Client.handshake(server);
  const { path, body } = existing.prepare('/login_user', { email, password });
  const withToken = JSON.stringify({ ...(JSON.parse(body) as object), device_token: json.device_token });
  const response = await fetch(server.url + path, { method: 'POST', body: withToken });
  assert.deepEqual(Object.keys((await response.json()) as object).sort(), ['ciphertext', 'session_key']);
});

test('common passwords are refused in suite 2 only', async (t) => {
  const server = await startServer(t);
  const vws = await connect(server.url, { pin: await pinOf(server) });
  const password = 'P@ssw0rd';
  await assert.rejects(vws.register({ ...newPerson(), password }), { code: 'password_refused' });
  const person = newPerson();
  await registerVws(vws, server, person);
  const change = { password: person.password, newPassword: password };
  await assert.rejects(vws.changePassword(change), { code: 'password_refused' });
  await vws.requestPasswordReset(person.email);
  await vws.verifyResetCode(await codeFromMailbox(server.dataDir, person.email));
  await assert.rejects(vws.resetPassword(password), { code: 'password_refused' });
  await register(server, { ...newPerson(), password });
});
