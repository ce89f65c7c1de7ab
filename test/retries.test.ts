// A session survives what happens to its requests: lost responses, requests sent twice or at once, crashes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectDelivered, expectDone, expectFailure, expectMessage, expectRefused } from './support/expect.ts';
import { codeFromMailbox, mailboxOf } from './support/mail.ts';
import { logIn, newPassword, newPerson, register } from './support/people.ts';
import { startServer, type TestServer } from './support/server.ts';
import { open, Suite1Client, type Suite1Response } from './support/suite1Client.ts';

/** Returns the name of the account that a session is logged in to. */
async function nameOf(client: Suite1Client): Promise<string> {
  const { body, keys } = await client.call('/account', {});
  return open(keys?.aesKey ?? '', (body as { username: string }).username);
}

/** The same response, byte for byte. */
function expectSame(again: Suite1Response, first: Suite1Response): void {
  assert.ok(again.text === first.text, `${again.text.slice(0, 100)}… is not ${first.text.slice(0, 100)}…`);
  assert.deepEqual([again.status, again.contentType], [first.status, first.contentType]);
}

/** Loses the response to a request and sends the same bytes again. @returns the response to both */
async function loseAndResend(
  client: Suite1Client,
  path: string,
  fields: Record<string, string>,
): Promise<Suite1Response> {
  const lost = await client.callAndLoseResponse(path, fields);
  expectSame(await client.resend(), lost);
  return lost;
}

/** An email that was requested now has arrived: an excess one to `email` would have arrived, too. */
async function expectOneMail(server: TestServer, email: string): Promise<void> {
  const later = newPerson();
  expectDone(await (await register(server, later)).call('/forgot_password', { email: later.email }));
  await codeFromMailbox(server.dataDir, later.email);
  assert.equal((await mailboxOf(server.dataDir, email)).length, 1);
}

test('lost response: the same bytes again return the same response and are executed once', async (t) => {
  const server = await startServer(t);

  await t.test('register_user, encrypt', async () => {
    const person = newPerson();
    const client = await Suite1Client.handshake(server);
    expectDone(await loseAndResend(client, '/register_user', { ...person }));
    const request = client.prepare(`/encrypt/${person.username}`, { message: 'once' });
    const lost = await client.fork().send(request);
    for (let time = 1; time <= 3; time++) expectSame(await client.fork().send(request), lost);
    expectSame(await client.send(request), lost);
    assert.equal(expectMessage(await client.decrypt(expectMessage(lost))), 'once');
  });

  await t.test('a response above the size that is stored: another one with the same text', async () => {
    const person = newPerson();
    const client = await register(server, person);
    const message = 'a long text '.repeat(10_000);
    await client.callAndLoseResponse(`/encrypt/${person.username}`, { message });
    const ciphertext = expectMessage(await client.resend());
    await client.callAndLoseResponse('/decrypt', { message: ciphertext });
    assert.equal(expectMessage(await client.resend()), message);
  });

  await t.test('recovery: one email, a wrong code counts once, the password is set once', async () => {
    const person = newPerson();
    await register(server, person);
    const client = await Suite1Client.handshake(server);
    expectDone(await loseAndResend(client, '/forgot_password', { email: person.email }));
    const code = await codeFromMailbox(server.dataDir, person.email);
    for (let time = 1; time <= 6; time++) {
      const copy = client.fork();
      expectFailure(await copy.send(copy.prepare('/confirm_forgot_password', { code: 'wrong' })), 201, 'Invalid code');
    }
    expectFailure(await loseAndResend(client, '/confirm_forgot_password', { code: 'wrong' }), 201, 'Invalid code');
    expectDone(await loseAndResend(client, '/confirm_forgot_password', { code }));
    const password = newPassword();
    expectDone(await loseAndResend(client, '/final_forgot_password', { new_password: password }));
    await logIn(server, { ...person, password });
    await expectOneMail(server, person.email);
  });

  await t.test('a wrong password counts once', async () => {
    const person = newPerson();
    await register(server, person);
    const client = await Suite1Client.handshake(server);
    const guess = { email: person.email, password: newPassword() };
    const lost = await client.callAndLoseResponse('/login_user', guess);
    for (let time = 1; time <= 6; time++) {
      const copy = client.fork();
      expectSame(await copy.send(copy.prepare('/login_user', guess)), lost);
    }
    expectSame(await client.resend(), lost);
    expectDone(await client.call('/login_user', { ...person }));
  });

  await t.test('change_password, change_username', async () => {
    const person = newPerson();
    const client = await register(server, person);
    const next = { username: newPerson().username, password: newPassword() };
    const change = { password: person.password, new_password: next.password };
    expectDone(await loseAndResend(client, '/change_password', change));
    const rename = { new_username: next.username, password: next.password };
    expectDone(await loseAndResend(client, '/change_username', rename));
    expectMessage(await client.encrypt(next.username, 'x'));
  });

  await t.test('twice at once', async () => {
    for (let round = 1; round <= 3; round++) {
      const person = newPerson();
      const client = await Suite1Client.handshake(server);
      const request = client.prepare('/register_user', { ...person });
      const [one, other] = await Promise.all([client.fork().send(request), client.send(request)]);
      expectDone(one);
      expectSame(other, one);
      expectMessage(await client.encrypt(person.username, 'x'));
    }
  });

  await t.test('the same body for another path is another request', async () => {
    const [one, other] = [newPerson(), newPerson()];
    const client = await register(server, one);
    const otherClient = await register(server, other);
    const request = client.prepare(`/encrypt/${one.username}`, { message: 'for one or the other' });
    expectMessage(await client.fork().send(request));
    const ciphertext = expectMessage(await client.send({ ...request, path: `/encrypt/${other.username}` }));
    assert.equal(expectMessage(await otherClient.decrypt(ciphertext)), 'for one or the other');
  });
});

test('other bytes with the same session key are executed', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  await register(server, person);
  const encrypt = (client: Suite1Client, text: string): Promise<Suite1Response> =>
    client.encrypt(person.username, text);

  for (const used of ['first', 'second'] as const) {
    await t.test(`both responses are usable until one is used: the ${used} is used`, async () => {
      const client = await logIn(server, person);
      const [first, second] = [client.fork(), client.fork()];
      const answers = [await encrypt(first, 'first'), await encrypt(second, 'second')];
      const [winner, loser] = used === 'first' ? [first, second] : [second, first];
      expectMessage(await encrypt(winner, 'the step that was used'));
      expectRefused(await loser.decrypt('x'), 404);
      expectRefused(await client.decrypt('x'), 404);
      for (const [index, answer] of answers.entries()) {
        const text = expectMessage(await winner.decrypt(expectMessage(answer)));
        assert.equal(text, ['first', 'second'][index]);
      }
    });
  }

  await t.test('each response belongs to its own request', async () => {
    const [one, other] = [newPerson(), newPerson()];
    const client = await Suite1Client.handshake(server);
    const lost = await client.callAndLoseResponse('/register_user', { ...one });
    expectDone(lost);
    expectDone(await client.fork().call('/register_user', { ...other }));
    expectSame(await client.resend(), lost);
    await expectDelivered(client, client, one.username);
    await logIn(server, other);
  });

  await t.test('two at once are both executed', async () => {
    const client = await logIn(server, person);
    const [first, second] = [client.fork(), client.fork()];
    const answers = await Promise.all([encrypt(first, 'first'), encrypt(second, 'second')]);
    const ciphertexts = answers.map(expectMessage);
    assert.equal(expectMessage(await second.decrypt(ciphertexts[0] ?? '')), 'first');
    expectRefused(await encrypt(first, 'x'), 404);
    assert.equal(expectMessage(await second.decrypt(ciphertexts[1] ?? '')), 'second');
  });

  await t.test('an undecryptable request does not invalidate the other responses', async () => {
    const client = await logIn(server, person);
    const [first, second] = [client.fork(), client.fork()];
    expectMessage(await encrypt(first, 'first'));
    expectMessage(await encrypt(second, 'second'));
    const withoutTheKey = new Suite1Client(server, { ...first.keys, aesKey: '0'.repeat(64) });
    assert.equal((await withoutTheKey.decrypt('x')).status, 400);
    expectMessage(await encrypt(second, 'still valid'));
  });
});

test('a late duplicate executes nothing', async (t) => {
  const server = await startServer(t, { RATE_RENAMES_PER_MONTH: '100' });
  const person = newPerson();
  const client = await register(server, person);
  const [early, late] = [newPerson().username, newPerson().username];
  const rename = (username: string) => ({ new_username: username, password: person.password });

  for (const answer of ['was used', 'was lost'] as const) {
    await t.test(`of a request whose response ${answer}`, async () => {
      const first = client.prepare('/change_username', rename(early));
      expectDone(await (answer === 'was used' ? client : client.fork()).send(first));
      expectDone(await client.call('/change_username', rename(late)));
      expectMessage(await client.encrypt(late, 'this uses the response'));
      expectRefused(await client.fork().send(first), 404);
      assert.equal(await nameOf(client), late);
    });
  }

  await t.test('of forgot_password: no second email', async () => {
    const forgot = client.prepare('/forgot_password', { email: person.email });
    expectDone(await client.send(forgot));
    await codeFromMailbox(server.dataDir, person.email);
    expectMessage(await client.encrypt(late, 'x'));
    expectRefused(await client.fork().send(forgot), 404);
    await expectOneMail(server, person.email);
  });
});

test('kill -9 and a restart lose nothing that was acknowledged', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await Suite1Client.handshake(server);
  const restart = async () => {
    await server.kill();
    await server.start();
  };

  await t.test('a stored response, two responses of one step, and that the step was used', async () => {
    const lost = await client.callAndLoseResponse('/register_user', { ...person });
    expectDone(lost);
    await restart();
    expectSame(await client.resend(), lost);
    const [first, second] = [client.fork(), client.fork()];
    const ciphertext = expectMessage(await first.encrypt(person.username, 'first'));
    expectMessage(await second.encrypt(person.username, 'second'));
    await restart();
    assert.equal(expectMessage(await first.decrypt(ciphertext)), 'first');
    await restart();
    expectRefused(await second.decrypt(ciphertext), 404);
    expectRefused(await client.decrypt(ciphertext), 404);
    assert.equal(expectMessage(await first.decrypt(ciphertext)), 'first');
  });

  await t.test('requests that are interrupted can be sent again', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => logIn(server, person)));
    const requests = clients.map((each) => each.prepare('/encrypt/x', { message: 'interrupted' }));
    const interrupted = clients.map((each, index) => each.fork().send(requests[index] ?? assert.fail()));
    const outcomes = Promise.allSettled(interrupted);
    await server.kill();
    await outcomes;
    await server.start();
    for (const [index, each] of clients.entries()) {
      expectFailure(await each.send(requests[index] ?? assert.fail()), 201, 'User is not found');
      await expectDelivered(each, each, person.username);
    }
  });
});
