// The SDK against a real server process, in both suites.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMemoryStorage } from '../../test/support/client/harness.ts';
import { codeFromMailbox } from '../../test/support/mail.ts';
import { newPassword, newPerson, registerVws } from '../../test/support/people.ts';
import { startSharedServer } from '../../test/support/sharedServer.ts';
import { type ConnectOptions, connect } from './index.ts';
import { suite1 } from './suite1/suite.ts';

const MODES: Record<string, Partial<ConnectOptions>> = {
  'suite 2': { onFirstUse: () => true },
  'suite 1': { suite: suite1 },
};

const server = await startSharedServer({ MAX_TEXT_BYTES: '50000', RATE_RENAMES_PER_MONTH: '100' });

/** A fetch that loses the responses of the next requests. */
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

let nextUser = 0;

for (const [name, options] of Object.entries(MODES)) {
  const isSuite2 = name === 'suite 2';
  const open = (more: Partial<ConnectOptions> = {}) => connect(server.url, { ...options, ...more });
  /** Users with names that no other test has. */
  const newUser = (username: string) => newPerson(`${username} ${isSuite2 ? 2 : 1} ${nextUser++}`);

  describe(`real server, ${name}`, () => {
    test('every call succeeds', async () => {
      const [alice, bob] = [newUser('Alice Ä/%'), newUser('bob')];
      const one = await open();
      const two = await open();
      assert.equal(one.suite, isSuite2 ? 2 : 1);
      assert.equal(one.fingerprint.length, isSuite2 ? 43 : 0);
      await registerVws(one, server, alice);
      await registerVws(two, server, bob);

      const text = 'See you at eight. 🎬 \u0000 ';
      const before = Date.now();
      const opened = await one.decrypt(await two.encrypt(alice.username, text));
      assert.equal(opened.text, text);
      if (isSuite2) {
        assert.equal(opened.sender, bob.username);
        assert.ok(opened.sentAt && Math.abs(opened.sentAt.getTime() - before) < 60_000);
      } else {
        assert.deepEqual([opened.sender, opened.sentAt], [null, null]);
      }
      assert.equal((await one.decrypt(await two.encrypt(alice.username, ''))).text, '');
      assert.deepEqual(await one.getAccount(), { username: alice.username, email: alice.email });

      const newName = newUser('robert').username;
      await two.changeUsername({ newUsername: newName, password: bob.password });
      const password = newPassword();
      await two.changePassword({ password: bob.password, newPassword: password });
      const other = await open();
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
      assert.equal((await two.getAccount()).username, newName);
    });

    test('errors of the server are reported by code, and the session continues', async () => {
      const vws = await open();
      const [alice, bob] = [newUser('alice'), newUser('bob')];
      await assert.rejects(vws.encrypt(alice.username, 'text'), { code: 'not_authenticated' });
      await assert.rejects(vws.decrypt('text'), { code: 'not_authenticated' });
      await registerVws(vws, server, bob);
      await registerVws(vws, server, alice);
      await assert.rejects(vws.register(alice), { code: 'username_taken' });
      await assert.rejects(vws.register({ ...newPerson(), password: 'x' }), { code: 'password_refused' });
      await assert.rejects(vws.login({ ...alice, password: 'x' }), { code: 'invalid_credentials' });
      await assert.rejects(vws.encrypt('unknown', 'text'), { code: 'user_not_found' });
      for (const username of ['', '.', '..', '\ud800']) {
        await assert.rejects(vws.encrypt(username, 'text'), { code: 'user_not_found' });
      }
      await assert.rejects(vws.decrypt(await vws.encrypt(bob.username, 'text')), { code: 'undecryptable_message' });
      await assert.rejects(vws.verifyResetCode('AB12CD'), { code: 'no_recovery' });
      assert.equal((await vws.getAccount()).username, alice.username, 'the session survives all errors');
    });

    test('texts up to the limit are accepted, larger ones are refused', async () => {
      const vws = await open();
      const alice = newUser('alice');
      await registerVws(vws, server, alice);
      const text = 'ä'.repeat(25_000);
      assert.equal((await vws.decrypt(await vws.encrypt(alice.username, text))).text, text);
      await assert.rejects(vws.encrypt(alice.username, 'x'.repeat(60_000)), { code: 'message_too_large' });
      await assert.rejects(vws.encrypt(alice.username, 'x'.repeat(400_000)), { code: 'payload_too_large' });
      assert.equal((await vws.getAccount()).username, alice.username);
    });

    test('lost responses: nothing is executed twice, also across rekeys', async () => {
      const { fetch, state } = losingFetch();
      let skew = 0;
      const clock = {
        now: () => Date.now() + skew,
        wait: async () => {},
        startTimer: () => () => {},
      };
      const vws = await open({ fetch, clock });
      const alice = newUser('alice');
      state.lost = 2;
      await registerVws(vws, server, alice);
      for (let i = 0; i < 20; i++) {
        state.lost = i % 3;
        if (i % 7 === 0) skew += 61_000;
        await vws.changeUsername({ newUsername: `${alice.username} ${i}`, password: alice.password });
      }
      assert.equal((await vws.getAccount()).username, `${alice.username} 19`);
    });

    test('a restart of the server and the client: the session and the pending request survive', async () => {
      const storage = createMemoryStorage();
      const vws = await open({ storage });
      const alice = newUser('alice');
      await registerVws(vws, server, alice);
      const { port } = new URL(server.url);
      await server.stop();
      await assert.rejects(vws.changeUsername({ newUsername: 'x', password: 'Wrong_2026' }, { deadline: 200 }), {
        code: 'network',
      });
      await server.start();
      // The server has a new port. Adapt the stored session, as if the server had a name.
      storage.text = storage.text?.replaceAll(`:${port}`, `:${new URL(server.url).port}`);
      const restored = await open({ storage });
      await assert.rejects(restored.changeUsername({ newUsername: 'x', password: 'Wrong_2026' }), {
        code: 'invalid_credentials',
      });
      assert.equal((await restored.getAccount()).username, alice.username);
    });
  });
}
