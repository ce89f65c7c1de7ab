// The calls of the SDK against a server in memory.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createHarness, PASSWORD } from '../../test/support/client/harness.ts';
import type { endpoints } from '../protocol/endpoints.ts';
import { endpoints as table } from '../protocol/endpoints.ts';
import { VwsError } from './index.ts';

type FieldsOf<Name extends keyof typeof endpoints> = (typeof endpoints)[Name]['fields'];

describe('calls', () => {
  test('map to the endpoints and fields of the protocol', async () => {
    const { server, join } = await createHarness();
    const alice = await join('alice');
    const bob = await join('bob');

    const message = await alice.encrypt('bob', 'See you at eight. 🎬');
    assert.deepEqual(await bob.decrypt(message), {
      text: 'See you at eight. 🎬',
      sender: 'alice',
      senderNow: 'alice',
      senderId: 'id of alice',
      contactChanged: false,
      sentAt: new Date(1_790_000_000_000),
    });
    assert.deepEqual(await bob.getAccount(), { username: 'bob', email: 'bob@example.org' });
    assert.deepEqual(await bob.listSessions(), [
      { id: 's1', suite: 2, startedAt: new Date(1000), lastUsedAt: new Date(2000), current: true, label: 'here' },
    ]);
    await bob.confirmRegistration('AB12CD');
    await bob.changeUsername({ newUsername: 'robert', password: PASSWORD });
    await bob.changePassword({ password: PASSWORD, newPassword: 'Other_2026' });
    await bob.endSession('s2');
    await bob.endOtherSessions();
    await bob.labelSession('here');
    await bob.changeEmail({ newEmail: 'robert@example.org', password: 'Other_2026' });
    await bob.confirmChangeEmail('AB12CD');
    await bob.setNotices({ login: 'all' });
    const sent = await bob.send('alice', 'Meet me at noon.');
    await alice.inspect(sent.token);
    await alice.open(sent.token);
    await alice.finish(sent.token);
    await bob.listSent();
    await bob.revoke(sent.id);
    await bob.extend(sent.id, 3600);
    await bob.logOut();
    await bob.requestPasswordReset('bob@example.org');
    await bob.verifyResetCode('AB12CD');
    await bob.resetPassword('Third_2026');
    await bob.login({ email: 'bob@example.org', password: 'Other_2026' });
    await bob.deleteAccount({ username: 'robert', password: 'Other_2026' });
    assert.deepEqual(
      server.accounts.map(({ username }) => username),
      ['alice', 'robert'],
    );

    const called = new Map(server.executions.map(({ path, fields }) => [path, Object.keys(fields).sort()]));
    for (const { path, fields } of Object.values(table)) {
      const names: string[] = Object.keys(fields satisfies FieldsOf<keyof typeof endpoints>);
      if (path.includes(':username')) names.push('username');
      assert.deepEqual(called.get(path.replace('/:username', '')), names.sort(), path);
    }
  });

  test('a label is set after each login, and its failure does not fail the login', async () => {
    const { server, connect } = await createHarness();
    const alice = await connect({ label: 'Firefox on Linux' });
    await alice.register({ username: 'alice', email: 'alice@example.org', password: PASSWORD });
    await alice.confirmRegistration('AB12CD');
    server.answer = (path) =>
      path === '/label_session' ? { status: 422, json: { code: 'invalid_value', status: 422, title: '' } } : undefined;
    await alice.login({ email: 'alice@example.org', password: PASSWORD });
    assert.deepEqual(
      server.executions.map(({ path, fields }) => [path, fields.label]),
      [
        ['/register_user', undefined],
        ['/confirm_registration', undefined],
        ['/label_session', 'Firefox on Linux'],
        ['/login_user', undefined],
        ['/label_session', 'Firefox on Linux'],
      ],
    );
  });

  test('reject with code, status and detail of a problem', async () => {
    const { join } = await createHarness();
    const alice = await join('alice');
    await assert.rejects(alice.login({ email: 'alice@example.org', password: 'wrong' }), (error) => {
      assert.ok(error instanceof VwsError);
      assert.deepEqual(
        { code: error.code, status: error.status, detail: error.detail, lost: error.sessionLost },
        { code: 'invalid_credentials', status: 403, detail: 'Four attempts are left.', lost: false },
      );
      return true;
    });
    await assert.rejects(alice.encrypt('unknown', 'text'), { code: 'user_not_found', status: 404 });
    assert.equal((await alice.getAccount()).username, 'alice', 'the session continues');
  });

  test('reject unexpected responses with bad_answer, and the session continues', async () => {
    const { server, join } = await createHarness();
    const alice = await join('alice');
    for (const json of [{}, { message: 7 }, { sessions: {} }, { sessions: [{ id: 7 }] }]) {
      server.answer = () => ({ status: 200, json });
      await assert.rejects(alice.encrypt('alice', 'text'), { code: 'bad_answer' });
      await assert.rejects(alice.listSessions(), { code: 'bad_answer' });
    }
    server.answer = () => ({ status: 418, json: { code: 'from_the_future', title: 'Tea.' } });
    await assert.rejects(alice.getAccount(), { code: 'from_the_future', message: 'Tea.', status: 418 });
    server.answer = () => ({ status: 418, json: {} });
    await assert.rejects(alice.getAccount(), { code: 'bad_answer', status: 418 });
    server.answer = () => undefined;
    assert.equal((await alice.getAccount()).username, 'alice');
  });

  test('made concurrently are sent one after the other', async () => {
    const { server, network, join } = await createHarness();
    const alice = await join('alice');
    let inFlight = 0;
    network.always = async (_, forward) => {
      inFlight += 1;
      assert.equal(inFlight, 1);
      const answer = await forward();
      await new Promise((resolve) => setImmediate(resolve));
      inFlight -= 1;
      return answer;
    };
    const texts = Array.from({ length: 10 }, (_, i) => `text ${i}`);
    const messages = await Promise.all(texts.map((text) => alice.encrypt('alice', text)));
    const opened = await Promise.all(messages.map((message) => alice.decrypt(message)));
    assert.deepEqual(
      opened.map(({ text }) => text),
      texts,
    );
    assert.deepEqual(
      server.executions.map(({ n }) => n),
      Array.from({ length: 21 }, (_, n) => n),
    );
  });

  test('send no cookies, bypass caches, and encrypt every field', async () => {
    const { network, join } = await createHarness();
    const alice = await join('alice');
    await alice.encrypt('alice', 'a secret text');
    for (const { path, body, init } of network.sent) {
      assert.equal(init.credentials, 'omit');
      assert.equal(init.cache, 'no-store');
      assert.doesNotMatch(path + body, /alice|example|[Ss]ecret/);
    }
  });
});
