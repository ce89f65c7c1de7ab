import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMemoryStorage } from '../../test/support/client/harness.ts';
import { codeFromMailbox } from '../../test/support/mail.ts';
import { newPassword, newPerson } from '../../test/support/people.ts';
import { startServer, type TestServer } from '../../test/support/server.ts';
import { type ConnectOptions, connect } from './index.ts';
import { suite1 } from './suite1/suite.ts';

const MODES: Record<string, Partial<ConnectOptions>> = {
  'suite 2': { onFirstUse: () => true },
  'suite 1': { suite: suite1 },
};

/** Loses the answers of the next requests. */
function losingFetch() {
  const state = { lost: 0, sent: 0 };
  const fetch: typeof globalThis.fetch = async (...request) => {
    state.sent += 1;
    const response = await globalThis.fetch(...request);
    if (state.lost === 0) return response;
    state.lost -= 1;
    throw new TypeError('fetch failed');
  };
  return { fetch, state };
}

for (const [name, options] of Object.entries(MODES)) {
  const isSuite2 = name === 'suite 2';
  const meet = (server: TestServer, more: Partial<ConnectOptions> = {}) => connect(server.url, { ...options, ...more });

  describe(`with a real server, in ${name}`, () => {
    test('every call does what it says', async (t) => {
      const server = await startServer(t);
      const [alice, bob] = [newPerson('Alice Ä/%'), newPerson('bob')];
      const one = await meet(server);
      const two = await meet(server);
      assert.equal(one.suite, isSuite2 ? 2 : 1);
      assert.equal(one.fingerprint.length, isSuite2 ? 43 : 0);
      await one.register(alice);
      await two.register(bob);

      const text = 'See you at eight. 🎬 \u0000 ';
      const before = Date.now();
      const opened = await one.decrypt(await two.encrypt(alice.username, text));
      assert.equal(opened.text, text);
      if (isSuite2) {
        assert.equal(opened.sender, 'bob');
        assert.ok(opened.sentAt && Math.abs(opened.sentAt.getTime() - before) < 60_000);
      } else {
        assert.deepEqual([opened.sender, opened.sentAt], [null, null]);
      }
      assert.equal((await one.decrypt(await two.encrypt(alice.username, ''))).text, '');
      assert.deepEqual(await one.getAccount(), { username: alice.username, email: alice.email });

      await two.changeUsername({ newUsername: 'robert', password: bob.password });
      const password = newPassword();
      await two.changePassword({ password: bob.password, newPassword: password });
      const other = await meet(server);
      await other.login({ email: bob.email, password });
      const sessions = await two.listSessions();
      assert.equal(sessions.length, 2);
      const [own, others] = [sessions.find(({ current }) => current), sessions.find(({ current }) => !current)];
      assert.ok(own && others && own.suite === two.suite);
      assert.ok(Math.abs((own.startedAt ?? assert.fail()).getTime() - before) < 60_000);
      await two.endSession(others.id);
      await assert.rejects(other.getAccount(), isSuite2 ? { sessionLost: true } : { name: 'VwsError' });
      await two.endOtherSessions();
      await two.logOut();
      await assert.rejects(two.getAccount(), { code: 'not_authenticated' });

      await two.requestPasswordReset(bob.email);
      await assert.rejects(two.verifyResetCode('WRONG1'), { code: 'invalid_code' });
      await two.verifyResetCode(await codeFromMailbox(server.dataDir, bob.email));
      const third = newPassword();
      await two.resetPassword(third);
      await two.login({ email: bob.email, password: third });
      assert.equal((await two.getAccount()).username, 'robert');
    });

    test('problems come back as codes', async (t) => {
      const server = await startServer(t);
      const vws = await meet(server);
      const [alice, bob] = [newPerson('alice'), newPerson('bob')];
      await assert.rejects(vws.encrypt('alice', 'text'), { code: 'not_authenticated' });
      await assert.rejects(vws.decrypt('text'), { code: 'not_authenticated' });
      await vws.register(bob);
      await vws.register(alice);
      await assert.rejects(vws.register(alice), { code: 'username_taken' });
      await assert.rejects(vws.register({ ...newPerson(), password: 'x' }), { code: 'password_refused' });
      await assert.rejects(vws.login({ ...alice, password: 'x' }), { code: 'invalid_credentials' });
      await assert.rejects(vws.encrypt('nobody', 'text'), { code: 'user_not_found' });
      for (const username of ['', '.', '..', '\ud800']) {
        await assert.rejects(vws.encrypt(username, 'text'), { code: 'user_not_found' });
      }
      await assert.rejects(vws.decrypt(await vws.encrypt('bob', 'text')), { code: 'undecryptable_message' });
      await assert.rejects(vws.verifyResetCode('AB12CD'), { code: 'no_recovery' });
      assert.equal((await vws.getAccount()).username, 'alice', 'the session has outlived all of that');
    });

    test('a large text comes through, a larger one is refused, and one that is larger still', async (t) => {
      const server = await startServer(t, { MAX_TEXT_BYTES: '50000' });
      const vws = await meet(server);
      await vws.register(newPerson('alice'));
      const text = 'ä'.repeat(25_000);
      assert.equal((await vws.decrypt(await vws.encrypt('alice', text))).text, text);
      await assert.rejects(vws.encrypt('alice', 'x'.repeat(60_000)), { code: 'message_too_large' });
      await assert.rejects(vws.encrypt('alice', 'x'.repeat(1_000_000)), { code: 'payload_too_large' });
      assert.equal((await vws.getAccount()).username, 'alice');
    });

    test('nothing is executed twice, whatever is lost, and a KEM step is made now and then', async (t) => {
      const server = await startServer(t);
      const { fetch, state } = losingFetch();
      let skew = 0;
      const clock = {
        now: () => Date.now() + skew,
        wait: async () => {},
        startTimer: () => () => {},
      };
      const vws = await meet(server, { fetch, clock });
      const alice = newPerson('alice');
      state.lost = 2;
      await vws.register(alice);
      for (let i = 0; i < 20; i++) {
        state.lost = i % 3;
        if (i % 7 === 0) skew += 61_000;
        await vws.changeUsername({ newUsername: `alice ${i}`, password: alice.password });
      }
      assert.equal((await vws.getAccount()).username, 'alice 19');
    });

    test('a restart of the server and one of the client lose nothing', async (t) => {
      const server = await startServer(t);
      const storage = createMemoryStorage();
      const vws = await meet(server, { storage });
      await vws.register(newPerson('alice'));
      const { port } = new URL(server.url);
      await server.stop();
      await assert.rejects(vws.changeUsername({ newUsername: 'x', password: 'Wrong_2026' }, { deadline: 200 }), {
        code: 'network',
      });
      await server.start();
      // The server has another port now: what is kept is moved there, as a name would.
      storage.text = storage.text?.replaceAll(`:${port}`, `:${new URL(server.url).port}`);
      const restored = await meet(server, { storage });
      await assert.rejects(restored.changeUsername({ newUsername: 'x', password: 'Wrong_2026' }), {
        code: 'invalid_credentials',
      });
      assert.equal((await restored.getAccount()).username, 'alice');
    });
  });
}
