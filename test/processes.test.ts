// Several processes on one database: any request may go to any of them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { expectDone, expectFailure, expectMessage } from './support/expect.ts';
import { startMailServer } from './support/mail.ts';
import { newPassword, newPerson, register } from './support/people.ts';
import { startServer } from './support/server.ts';
import { newStoreLocation } from './support/store.ts';
import { openResponse, post, Suite1Client } from './support/suite1Client.ts';

const PROCESSES = 3;
const MAX_REGISTRATIONS = 30;

test('processes on one database', async (t) => {
  const location = await newStoreLocation(t);
  const mail = await startMailServer(t);
  const settings = {
    ...mail.settings,
    DATABASE_URL: location.engine === 'postgres' ? location.url : `sqlite:${location.path}`,
    VWS_MASTER_KEY: randomBytes(32).toString('hex'),
    RATE_REGISTRATIONS_PER_MINUTE: String(MAX_REGISTRATIONS),
  };
  // At once, on an empty database: one of them creates the tables.
  const servers = await Promise.all(Array.from({ length: PROCESSES }, () => startServer(t, settings)));
  let turn = 0;
  /** Another process each time its URL is read. */
  const anyServer = {
    get url() {
      turn += 1;
      return servers[turn % servers.length]?.url ?? assert.fail();
    },
  };

  await t.test('a session moves from process to process', async () => {
    const [alice, bob] = [newPerson(), newPerson()];
    const sender = await register(anyServer, alice);
    const reader = await register(anyServer, bob);
    const ciphertext = expectMessage(await sender.encrypt(bob.username, 'by any process'));
    assert.equal(expectMessage(await reader.decrypt(ciphertext)), 'by any process');

    const forgetful = await Suite1Client.handshake(anyServer);
    expectDone(await forgetful.call('/forgot_password', { email: bob.email }));
    expectDone(await forgetful.call('/confirm_forgot_password', { code: await mail.codeFor(bob.email) }));
    expectDone(await forgetful.call('/final_forgot_password', { new_password: newPassword() }));
    assert.equal((await reader.decrypt(ciphertext)).status, 404, "the reader's session has ended everywhere");
  });

  await t.test('a request sent to every process at once is executed once', async () => {
    const everywhere = async (client: Suite1Client, path: string, fields: Record<string, string>) => {
      const request = client.prepare(path, fields);
      const answers = await Promise.all(servers.map((server) => post(server, path, request.body)));
      assert.equal(new Set(answers.map(({ text }) => text)).size, 1, 'the same response from all');
      return client.accept(request, answers[0] ?? assert.fail());
    };
    const person = newPerson();
    const client = await Suite1Client.handshake(anyServer);
    expectDone(await everywhere(client, '/register_user', { ...person }));
    expectMessage(await everywhere(client, `/encrypt/${person.username}`, { message: 'once' }));
    const password = newPassword();
    expectDone(await everywhere(client, '/change_password', { password: person.password, new_password: password }));
    // A wrong password counts once, although three processes receive it: four more are allowed.
    const wrong = { new_username: `new-${person.username}`, password: newPassword() };
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      expectFailure(await everywhere(client, '/change_username', wrong), 201, 'Password is wrong');
    }
    expectFailure(await everywhere(client, '/change_username', wrong), 202, 'Account block. Change the password!');
  });

  await t.test('requests with one session key at once, at all processes, all return usable responses', async () => {
    const person = newPerson();
    const client = await register(anyServer, person);
    const requests = servers.map((_, index) => client.prepare(`/encrypt/${person.username}`, { message: `${index}` }));
    const answers = await Promise.all(
      requests.map(async (request, index) =>
        openResponse(request, await post(servers[index] ?? assert.fail(), request.path, request.body)),
      ),
    );
    for (const answer of answers) expectMessage(answer);
    const [used, given] = answers.map(({ keys }) => new Suite1Client(anyServer, keys ?? assert.fail()));
    assert.equal((await used?.decrypt('nothing'))?.status, 201);
    assert.equal((await given?.decrypt('nothing'))?.status, 404, 'using one response voids the others');
  });

  await t.test('the lock and the uniqueness of names hold across processes', async () => {
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
  });

  await t.test('a process that dies loses nothing', async () => {
    const [victim, survivor] = [servers[0] ?? assert.fail(), servers[1] ?? assert.fail()];
    const person = newPerson();
    const client = await register(survivor, person);
    const request = client.prepare(`/encrypt/${person.username}`, { message: 'before the crash' });
    const answered = await post(victim, request.path, request.body);
    await victim.kill();
    const resent = await post(survivor, request.path, request.body);
    assert.equal(resent.text, answered.text, "the dead process's response, from another process");
    client.accept(request, resent);
    expectMessage(await new Suite1Client(survivor, client.keys).encrypt(person.username, 'after it'));
    await victim.start();
  });

  await t.test('a rate limit holds across processes', async () => {
    // One more than two windows allow: a minute may end in between.
    const statuses: number[] = [];
    for (let attempt = 0; attempt <= 2 * MAX_REGISTRATIONS && !statuses.includes(429); attempt += 1) {
      const client = await Suite1Client.handshake(anyServer);
      statuses.push((await client.call('/register_user', { ...newPerson(''), username: '' })).status);
    }
    assert.ok(statuses.includes(429), statuses.join());
  });
});
