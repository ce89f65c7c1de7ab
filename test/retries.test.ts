/** A session survives what happens to its requests: answers lost, requests sent twice or at once, crashes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { expectDelivered, expectDone, expectFailure, expectMessage, expectRefused } from './support/expect.ts';
import { codeFromMailbox, mailboxOf } from './support/mail.ts';
import { logIn, newPassword, newPerson, register } from './support/people.ts';
import { startServer } from './support/server.ts';
import { type Answer, open, Suite1Client } from './support/suite1Client.ts';

/** @returns the name of the account that a session is logged in to */
async function nameOf(client: Suite1Client): Promise<string> {
  const { body, keys } = await client.call('/account', {});
  return open(keys?.aesKey ?? '', (body as { username: string }).username);
}

/** Byte for byte the same answer. */
function expectSame(again: Answer, first: Answer): void {
  assert.ok(again.text === first.text, `${again.text.slice(0, 100)}… is not ${first.text.slice(0, 100)}…`);
  assert.equal(again.status, first.status);
  assert.equal(again.contentType, first.contentType);
}

describe('lost answers', () => {
  test('the same bytes again get the same answer, and are executed once', async (t) => {
    const server = await startServer(t);

    await t.test('register_user', async () => {
      const person = newPerson();
      const client = await Suite1Client.handshake(server);
      const lost = await client.callAndLoseAnswer('/register_user', { ...person });
      expectDone(lost);
      expectSame(await client.resend(), lost);
      await expectDelivered(client, client, person.username);
    });

    await t.test('encrypt, again and again', async () => {
      const person = newPerson();
      const client = await register(server, person);
      const request = client.prepare(`/encrypt/${person.username}`, { message: 'once' });
      const lost = await client.fork().send(request);
      for (let time = 1; time <= 3; time++) expectSame(await client.fork().send(request), lost);
      expectSame(await client.send(request), lost);
      assert.equal(expectMessage(await client.decrypt(expectMessage(lost))), 'once');
    });

    await t.test('a long text, encrypted and decrypted, may be answered anew, with the same text', async () => {
      const person = newPerson();
      const client = await register(server, person);
      const message = 'a long text '.repeat(10_000);
      await client.callAndLoseAnswer(`/encrypt/${person.username}`, { message });
      const ciphertext = expectMessage(await client.resend());
      await client.callAndLoseAnswer('/decrypt', { message: ciphertext });
      assert.equal(expectMessage(await client.resend()), message);
    });

    await t.test('forgot_password: one mail, and its code is good', async () => {
      const person = newPerson();
      await register(server, person);
      const client = await Suite1Client.handshake(server);
      const lost = await client.callAndLoseAnswer('/forgot_password', { email: person.email });
      expectSame(await client.resend(), lost);
      const code = await codeFromMailbox(server.dataDir, person.email);
      expectDone(await client.call('/confirm_forgot_password', { code }));
      // A mail that was asked for later has arrived, so a second one to this person would have, too.
      const later = newPerson();
      await register(server, later);
      expectDone(await client.call('/forgot_password', { email: later.email }));
      await codeFromMailbox(server.dataDir, later.email);
      assert.equal((await mailboxOf(server.dataDir, person.email)).length, 1);
    });

    await t.test('a wrong password counts once', async () => {
      const person = newPerson();
      await register(server, person);
      const client = await Suite1Client.handshake(server);
      const guess = { email: person.email, password: newPassword() };
      const lost = await client.callAndLoseAnswer('/login_user', guess);
      for (let time = 1; time <= 6; time++) {
        const copy = client.fork();
        expectSame(await copy.send(copy.prepare('/login_user', guess)), lost);
      }
      expectSame(await client.resend(), lost);
      expectDone(await client.call('/login_user', { ...person }));
    });

    await t.test('a wrong code counts once, and a right one is good again', async () => {
      const person = newPerson();
      await register(server, person);
      const client = await Suite1Client.handshake(server);
      expectDone(await client.call('/forgot_password', { email: person.email }));
      const code = await codeFromMailbox(server.dataDir, person.email);
      const lost = await client.callAndLoseAnswer('/confirm_forgot_password', { code: 'wrong' });
      expectFailure(lost, 201, 'Invalid code');
      for (let time = 1; time <= 6; time++) {
        const copy = client.fork();
        expectSame(await copy.send(copy.prepare('/confirm_forgot_password', { code: 'wrong' })), lost);
      }
      expectSame(await client.resend(), lost);
      const confirmed = await client.callAndLoseAnswer('/confirm_forgot_password', { code });
      expectSame(await client.resend(), confirmed);
      const password = newPassword();
      const finished = await client.callAndLoseAnswer('/final_forgot_password', { new_password: password });
      expectDone(finished);
      expectSame(await client.resend(), finished);
      await logIn(server, { ...person, password });
    });

    await t.test('change_password and change_username', async () => {
      const person = newPerson();
      const client = await register(server, person);
      const next = { ...person, username: newPerson().username, password: newPassword() };
      const change = { password: person.password, new_password: next.password };
      const changed = await client.callAndLoseAnswer('/change_password', change);
      expectDone(changed);
      expectSame(await client.resend(), changed);
      const rename = { new_username: next.username, password: next.password };
      const renamed = await client.callAndLoseAnswer('/change_username', rename);
      expectDone(renamed);
      expectSame(await client.resend(), renamed);
      expectMessage(await client.encrypt(next.username, 'x'));
    });

    await t.test('twice at once', async () => {
      for (let round = 1; round <= 5; round++) {
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
    const user = await register(server, person);
    const encrypt = (client: Suite1Client, text: string): Promise<Answer> => client.encrypt(person.username, text);

    for (const used of ['first', 'second'] as const) {
      await t.test(`both answers are usable until one is used: the ${used} is`, async () => {
        const client = await logIn(server, person);
        const [first, second] = [client.fork(), client.fork()];
        const answers = [await encrypt(first, 'first'), await encrypt(second, 'second')];
        const [winner, loser] = used === 'first' ? [first, second] : [second, first];
        expectMessage(await encrypt(winner, 'the step that was used'));
        expectRefused(await loser.decrypt('x'), 404);
        expectRefused(await client.decrypt('x'), 404);
        expectRefused(await first.fork().send(client.prepare('/decrypt', { message: 'x' })), 404);
        for (const [index, answer] of answers.entries()) {
          const text = expectMessage(await winner.decrypt(expectMessage(answer)));
          assert.equal(text, ['first', 'second'][index]);
        }
      });
    }

    await t.test('each answer belongs to its own request', async () => {
      const [one, other] = [newPerson(), newPerson()];
      const client = await Suite1Client.handshake(server);
      const lost = await client.callAndLoseAnswer('/register_user', { ...one });
      expectDone(lost);
      expectDone(await client.fork().call('/register_user', { ...other }));
      expectSame(await client.resend(), lost);
      const ciphertext = expectMessage(await client.encrypt(one.username, 'for the one who is logged in here'));
      assert.equal(expectMessage(await client.decrypt(ciphertext)), 'for the one who is logged in here');
      await logIn(server, other);
    });

    await t.test('two at once', async () => {
      for (let round = 1; round <= 5; round++) {
        const client = await logIn(server, person);
        const [first, second] = [client.fork(), client.fork()];
        const answers = await Promise.all([encrypt(first, 'first'), encrypt(second, 'second')]);
        const ciphertexts = answers.map(expectMessage);
        assert.equal(expectMessage(await second.decrypt(ciphertexts[0] ?? '')), 'first');
        expectRefused(await encrypt(first, 'x'), 404);
        assert.equal(expectMessage(await second.decrypt(ciphertexts[1] ?? '')), 'second');
      }
    });

    await t.test('many answers lost in a row', async () => {
      const client = await logIn(server, person);
      for (let step = 1; step <= 3; step++) {
        const ciphertexts: string[] = [];
        for (const text of ['one', 'two', 'three']) {
          const lost = await client.callAndLoseAnswer(`/encrypt/${person.username}`, { message: text });
          ciphertexts.push(expectMessage(lost));
        }
        expectMessage(await client.resend());
        assert.equal(expectMessage(await client.decrypt(ciphertexts[0] ?? '')), 'one');
      }
    });

    await t.test('an answer that is refused does not burn the others', async () => {
      const client = await logIn(server, person);
      const [good, bad] = [client.fork(), client.fork()];
      const ciphertext = expectMessage(await encrypt(good, 'good'));
      expectFailure(await bad.encrypt('nobody', 'x'), 201, 'User is not found');
      assert.equal(expectMessage(await good.decrypt(ciphertext)), 'good');
      expectRefused(await bad.decrypt(ciphertext), 404);
    });

    await t.test('an answer is not proved to be held by a request that does not open', async () => {
      const client = await logIn(server, person);
      const [first, second] = [client.fork(), client.fork()];
      expectMessage(await encrypt(first, 'first'));
      expectMessage(await encrypt(second, 'second'));
      const withoutTheKey = new Suite1Client(server, { ...first.keys, aesKey: '0'.repeat(64) });
      assert.equal((await withoutTheKey.decrypt('x')).status, 400);
      expectMessage(await encrypt(second, 'still there'));
    });

    await t.test('the session of the user is one of many', async () => {
      expectMessage(await encrypt(user, 'and the first one goes on'));
    });
  });

  test('a late duplicate executes nothing', async (t) => {
    const server = await startServer(t, { RATE_RENAMES_PER_MONTH: '100' });
    const person = newPerson();
    const client = await register(server, person);
    const [early, late] = [newPerson().username, newPerson().username];
    const first = client.prepare('/change_username', { new_username: early, password: person.password });

    await t.test('after the next step was used', async () => {
      expectDone(await client.send(first));
      expectDone(await client.call('/change_username', { new_username: late, password: person.password }));
      expectRefused(await client.fork().send(first), 404);
      assert.equal(await nameOf(client), late);
    });

    await t.test('of a request whose answer was given up', async () => {
      const abandoned = client.prepare('/change_username', { new_username: early, password: person.password });
      expectDone(await client.fork().send(abandoned));
      expectDone(await client.call('/change_username', { new_username: late, password: person.password }));
      expectMessage(await client.encrypt(late, 'this uses the answer'));
      expectRefused(await client.fork().send(abandoned), 404);
      assert.equal(await nameOf(client), late);
    });

    await t.test('of forgot_password: no second mail', async () => {
      const forgot = client.prepare('/forgot_password', { email: person.email });
      expectDone(await client.send(forgot));
      await codeFromMailbox(server.dataDir, person.email);
      expectMessage(await client.encrypt(late, 'x'));
      expectRefused(await client.fork().send(forgot), 404);
      const later = newPerson();
      await register(server, later);
      expectDone(await client.call('/forgot_password', { email: later.email }));
      await codeFromMailbox(server.dataDir, later.email);
      assert.equal((await mailboxOf(server.dataDir, person.email)).length, 1);
    });
  });

  test('kill -9 and a restart lose nothing that was answered', async (t) => {
    const server = await startServer(t);
    const person = newPerson();
    const client = await Suite1Client.handshake(server);

    await t.test('the answer is there after it', async () => {
      const lost = await client.callAndLoseAnswer('/register_user', { ...person });
      expectDone(lost);
      await server.kill();
      await server.start();
      expectSame(await client.resend(), lost);
    });

    await t.test('so are two answers of one step, and the used step stays used', async () => {
      const [first, second] = [client.fork(), client.fork()];
      const ciphertext = expectMessage(await first.encrypt(person.username, 'first'));
      expectMessage(await second.encrypt(person.username, 'second'));
      await server.kill();
      await server.start();
      assert.equal(expectMessage(await first.decrypt(ciphertext)), 'first');
      await server.kill();
      await server.start();
      expectRefused(await second.decrypt(ciphertext), 404);
      expectRefused(await client.decrypt(ciphertext), 404);
      assert.equal(expectMessage(await first.decrypt(ciphertext)), 'first');
      client.keys = first.keys;
    });

    await t.test('requests that are cut off by it can be sent again', async () => {
      const clients = await Promise.all(Array.from({ length: 8 }, () => logIn(server, person)));
      const requests = clients.map((each) => each.prepare('/encrypt/x', { message: 'cut off' }));
      const cutOff = clients.map((each, index) => each.fork().send(requests[index] ?? assert.fail()));
      const outcomes = Promise.allSettled(cutOff);
      await server.kill();
      await outcomes;
      await server.start();
      for (const [index, each] of clients.entries()) {
        expectFailure(await each.send(requests[index] ?? assert.fail()), 201, 'User is not found');
        const ciphertext = expectMessage(await each.encrypt(person.username, 'goes on'));
        assert.equal(expectMessage(await each.decrypt(ciphertext)), 'goes on');
      }
    });
  });
});
