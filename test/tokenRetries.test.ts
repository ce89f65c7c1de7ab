// Token messages whose answers are lost: one count and the same text, for answers that the server stores and for longer ones,
// also for the last open, in one process and in two.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { connect, type Vws } from '../src/client/index.ts';
import { BODY_OVERHEAD } from '../src/protocol/tokenMessage.ts';
import { newPerson, register } from './support/people.ts';
import { startServer, type TestServer } from './support/server.ts';
import { newStoreLocation } from './support/store.ts';

const KIB = 1024;
/** Bytes of bodies. The answer with 4 KiB is stored; the one with 8 KiB is too long for that. */
const SIZES = { '256 B': 256, '4 KiB': 4 * KIB, '8 KiB': 8 * KIB, '1 MiB': KIB * KIB };
/** Responses that are lost in a row. */
const LOST = 3;

/** A client without pauses between attempts. */
const clock = { now: () => Date.now(), wait: async () => {}, startTimer: () => () => {} };

/** A fetch that loses responses. Each attempt goes to the next server. */
function losingFetch(servers: readonly TestServer[]) {
  const state = { lost: 0, attempts: 0 };
  const fetch: typeof globalThis.fetch = async (url, init) => {
    const server = servers[state.attempts % servers.length] ?? assert.fail();
    state.attempts += 1;
    const response = await globalThis.fetch(server.url + new URL(String(url)).pathname, init);
    if (state.lost === 0) return response;
    state.lost -= 1;
    await response.arrayBuffer();
    throw new TypeError('fetch failed');
  };
  return { fetch, state };
}

async function startServers(t: TestContext, count: number): Promise<TestServer[]> {
  const location = await newStoreLocation(t);
  const settings = {
    DATABASE_URL: location.engine === 'postgres' ? location.url : `sqlite:${location.path}`,
    VWS_MASTER_KEY: randomBytes(32).toString('hex'),
  };
  return Promise.all(Array.from({ length: count }, () => startServer(t, settings)));
}

for (const count of [1, 2]) {
  test(`lost answers, processes: ${count}`, async (t) => {
    const servers = await startServers(t, count);
    const { fetch, state } = losingFetch(servers);
    const join = async (): Promise<[Vws, string]> => {
      const person = newPerson();
      const [server = assert.fail()] = servers;
      // In suite 1, which needs no code from an email that another process may deliver.
      await register(server, person);
      const vws = await connect(server.url, { onFirstUse: () => true, fetch, clock });
      await vws.login(person);
      return [vws, person.username];
    };
    const [[alice], [bob, recipient]] = [await join(), await join()];
    const losing = async <T>(call: Promise<T>): Promise<T> => {
      state.lost = LOST;
      const result = await call;
      assert.equal(state.lost, 0, 'the responses were lost');
      return result;
    };

    for (const [name, size] of Object.entries(SIZES)) {
      const text = 'ä'.repeat((size - BODY_OVERHEAD) / 2);

      await t.test(`${name}: opened twice of two times`, async () => {
        const { token } = await alice.send(recipient, text, { maxOpens: 2 });
        for (const opens of [1, 2]) {
          const opened = await losing(bob.open(token));
          assert.ok(opened.text === text, 'the same text');
          assert.equal(opened.opens, opens);
          const info = await bob.inspect(token);
          assert.deepEqual([info.opens, info.state, info.size], [opens, opens === 2 ? 'used_up' : 'active', size]);
        }
        await assert.rejects(losing(bob.open(token)), { code: 'message_used_up' });
        assert.equal((await bob.inspect(token)).opens, 2);
      });

      await t.test(`${name}: sent once, opened by the only open`, async () => {
        const before = (await alice.listSent()).messages.length;
        const { id, token } = await losing(alice.send(recipient, text));
        const opened = await losing(bob.open(token));
        assert.ok(opened.text === text, 'the same text');
        assert.equal((await bob.inspect(token)).opens, 1);
        await assert.rejects(bob.open(token), { code: 'message_used_up' });
        const { messages } = await alice.listSent();
        assert.equal(messages.length, before + 1);
        assert.deepEqual([messages[0]?.id, messages[0]?.state, messages[0]?.opens], [id, 'used_up', 1]);
      });
    }

    await t.test('the other calls: executed once', async () => {
      const { id, token } = await losing(alice.send(recipient, 'text', { maxOpens: null, expiresIn: 3600 }));
      const expiresAt = await losing(alice.extend(id, 7200));
      assert.deepEqual((await losing(bob.inspect(token))).expiresAt, expiresAt);
      assert.deepEqual(await losing(alice.revoke(id)), { state: 'revoked', opens: 0 });
      await losing(bob.finish(token));
      await assert.rejects(losing(bob.open(token)), { code: 'message_revoked' });
    });
  });
}
