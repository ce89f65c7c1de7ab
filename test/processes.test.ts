/** Many processes on one database: any request may go to any of them. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { expectDone, expectFailure, expectMessage } from './support/expect.ts';
import { startMailServer, type TestMailServer } from './support/mail.ts';
import { newPassword, newPerson, register } from './support/people.ts';
import { type Settings, startServer, type TestServer } from './support/server.ts';
import { newStoreLocation } from './support/store.ts';
import { openAnswer, post, Suite1Client } from './support/suite1Client.ts';

const PROCESSES = 3;

interface Cluster {
  readonly servers: readonly TestServer[];
  /** Another process with every look at it. */
  readonly anyServer: { readonly url: string };
  readonly mail: TestMailServer;
}

async function startCluster(t: TestContext, given: Settings = {}): Promise<Cluster> {
  const location = await newStoreLocation(t);
  const mail = await startMailServer(t);
  const settings = {
    ...mail.settings,
    DATABASE_URL: location.engine === 'postgres' ? location.url : `sqlite:${location.path}`,
    VWS_MASTER_KEY: randomBytes(32).toString('hex'),
    ...given,
  };
  // At once, on an empty database: one of them makes the tables.
  const servers = await Promise.all(Array.from({ length: PROCESSES }, () => startServer(t, settings)));
  let turn = 0;
  const anyServer = {
    get url() {
      turn += 1;
      return servers[turn % servers.length]?.url ?? assert.fail();
    },
  };
  return { servers, anyServer, mail };
}

test('a session goes from process to process', async (t) => {
  const { anyServer, mail } = await startCluster(t);
  const [alice, bob] = [newPerson(), newPerson()];
  const sender = await register(anyServer, alice);
  const reader = await register(anyServer, bob);
  const ciphertext = expectMessage(await sender.encrypt(bob.username, 'by any way'));
  assert.equal(expectMessage(await reader.decrypt(ciphertext)), 'by any way');

  const forgetful = await Suite1Client.handshake(anyServer);
  expectDone(await forgetful.call('/forgot_password', { email: bob.email }));
  expectDone(await forgetful.call('/confirm_forgot_password', { code: await mail.codeFor(bob.email) }));
  expectDone(await forgetful.call('/final_forgot_password', { new_password: newPassword() }));
  assert.equal((await reader.decrypt(ciphertext)).status, 404, 'the reader’s session has ended everywhere');
});

test('a request that every process gets at once is executed once', async (t) => {
  const { servers } = await startCluster(t);
  const everywhere = async (client: Suite1Client, path: string, fields: Record<string, string>) => {
    const request = client.prepare(path, fields);
    const answers = await Promise.all(servers.map((server) => post(server, path, request.body)));
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1, 'the same answer from all');
    return client.accept(request, answers[0] ?? assert.fail());
  };
  const [first] = servers;
  const person = newPerson();
  const client = await Suite1Client.handshake(first ?? assert.fail());
  expectDone(await everywhere(client, '/register_user', { ...person }));
  expectMessage(await everywhere(client, `/encrypt/${person.username}`, { message: 'once' }));
  const password = newPassword();
  expectDone(await everywhere(client, '/change_password', { password: person.password, new_password: password }));
  // A wrong password that three processes are given at once counts as one: four more may follow.
  const wrong = { new_username: `new-${person.username}`, password: newPassword() };
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    expectFailure(await everywhere(client, '/change_username', wrong), 201, 'Password is wrong');
  }
  expectFailure(await everywhere(client, '/change_username', wrong), 202, 'Account block. Change the password!');
});

test('requests with one session key at once, at all processes, all get usable answers', async (t) => {
  const { servers, anyServer } = await startCluster(t);
  const person = newPerson();
  const client = await register(anyServer, person);
  const requests = servers.map((_, index) => client.prepare(`/encrypt/${person.username}`, { message: `${index}` }));
  const answers = await Promise.all(
    requests.map(async (request, index) =>
      openAnswer(request, await post(servers[index] ?? assert.fail(), request.path, request.body)),
    ),
  );
  for (const answer of answers) expectMessage(answer);
  const [used, given] = answers.map(({ keys }) => new Suite1Client(anyServer, keys ?? assert.fail()));
  assert.equal((await used?.decrypt('nothing'))?.status, 201);
  assert.equal((await given?.decrypt('nothing'))?.status, 404, 'using one answer ends the others');
});

test('the lock, a name and the limits hold across processes', async (t) => {
  const { servers, anyServer } = await startCluster(t, { RATE_REGISTRATIONS_PER_MINUTE: '30' });
  const person = newPerson();
  await register(anyServer, person);

  const guesses = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const client = await Suite1Client.handshake(anyServer);
      return (await client.call('/login_user', { email: person.email, password: newPassword() })).status;
    }),
  );
  assert.equal(guesses.filter((status) => status === 201).length, 5, 'five are checked');
  assert.equal(guesses.filter((status) => status === 202).length, 7, 'the others find the account locked');

  const name = newPerson().username;
  const registrations = await Promise.all(
    servers.map(async (server, index) => {
      const client = await Suite1Client.handshake(server);
      const username = index % 2 ? name.toUpperCase() : name;
      return (await client.call('/register_user', { ...newPerson(username) })).error;
    }),
  );
  assert.deepEqual(registrations.filter(Boolean), ['Username is busy', 'Username is busy']);

  // Twice the limit and one more: a minute may end in between.
  const statuses: number[] = [];
  for (let attempt = 0; attempt < 61 && !statuses.includes(429); attempt += 1) {
    const client = await Suite1Client.handshake(anyServer);
    statuses.push((await client.call('/register_user', { ...newPerson(''), username: '' })).status);
  }
  assert.ok(statuses.includes(429), 'more than thirty registrations in a minute are too many, wherever they go');
});

test('a process that dies takes nothing along', async (t) => {
  const { servers, anyServer } = await startCluster(t);
  const person = newPerson();
  const client = await register(anyServer, person);
  const [victim, survivor] = [servers[0] ?? assert.fail(), servers[1] ?? assert.fail()];
  const request = client.prepare(`/encrypt/${person.username}`, { message: 'before the end' });
  const answered = await post(victim, request.path, request.body);
  await victim.kill();
  const resent = await post(survivor, request.path, request.body);
  assert.equal(resent.text, answered.text, 'the answer of the dead one, from another');
  client.accept(request, resent);
  expectMessage(await new Suite1Client(survivor, client.keys).encrypt(person.username, 'after it'));
});
