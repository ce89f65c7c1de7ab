// The exchange with suite 1: retries, different requests with one step, expiry.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  createExchangeHarness,
  effect,
  handshake,
  IDLE_TIME,
  keysOf,
  MAX_AGE,
  own,
  read,
  type TestHandler,
} from '../../../test/support/exchangeFixtures.ts';
import { newStoreLocation } from '../../../test/support/store.ts';
import { prepare } from '../../../test/support/suite1Client.ts';
import { Problem } from '../../protocol/problems.ts';
import { deleteExpired } from '../store/expiry.ts';

const lost = { code: 'session_not_found' };

describe('retry with the same bytes', () => {
  test('gets the same response and is executed once', async (t) => {
    const { exchange, ask, send, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const request = ask(await handshake(exchange));
    const first = await send(request);
    for (let time = 1; time <= 3; time++) assert.equal((await send(request)).text, first.text);
    assert.equal(await effects(), 1);
  });

  test('gets the same failure', async (t) => {
    const { exchange, ask, send } = await createExchangeHarness(t, await newStoreLocation(t));
    const request = ask(await handshake(exchange));
    const failing: TestHandler = {
      execute: async () => {
        throw new Problem('username_taken');
      },
    };
    const first = await send(request, failing);
    assert.equal(first.error, 'Username is busy');
    assert.equal((await send(request, failing)).text, first.text);
  });

  test('many concurrent copies in two processes: one response, executed once', async (t) => {
    const { exchange, other, ask, send, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const request = ask(await handshake(exchange));
    const copies = Array.from({ length: 10 }, (_, index) =>
      send(request, undefined, index % 2 ? exchange : other.exchange),
    );
    assert.equal(new Set((await Promise.all(copies)).map(({ text }) => text)).size, 1);
    assert.equal(await effects(), 1);
  });

  test('is replayed by another process, and after a restart', async (t) => {
    const { exchange, other, ask, send, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const request = ask(await handshake(exchange));
    const first = await send(request);
    assert.equal((await send(request, undefined, other.exchange)).text, first.text);
    assert.equal(await effects(), 1);
  });

  test('another field order or another path: a different request', async (t) => {
    const { exchange, ask, send, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const { request } = ask(await handshake(exchange));
    const { session_key, text } = JSON.parse(request.body);
    await send({ endpoint: effect, request });
    await send({ endpoint: effect, request: { ...request, body: JSON.stringify({ text, session_key }) } });
    await send({ endpoint: effect, request: { ...request, path: '/effect?' } });
    assert.equal(await effects(), 3);
  });

  test('is replayed until its response is used', async (t) => {
    const { exchange, ask, send, call, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const first = ask(await handshake(exchange));
    const second = ask(keysOf(await send(first)));
    const answer = await send(second);
    // The client has proved that it holds this step; the step before it has ended.
    assert.equal((await send(second)).text, answer.text);
    await assert.rejects(send(first), lost);
    await call(keysOf(answer));
    await assert.rejects(send(second), lost);
    assert.equal(await effects(), 3);
  });
});

describe('different requests with the same step', () => {
  for (const used of [0, 1, 2]) {
    test(`are executed, and every response is usable until one is used: number ${used}`, async (t) => {
      const { exchange, ask, send, call, effects, rows } = await createExchangeHarness(t, await newStoreLocation(t));
      const keys = await handshake(exchange);
      const requests = [ask(keys), ask(keys), ask(keys)];
      const answers = [];
      for (const request of requests) answers.push(await send(request));
      assert.equal(await effects(), 3);
      const [winner] = answers.splice(used, 1);
      assert.ok(winner);
      await call(keysOf(winner));
      for (const loser of answers) await assert.rejects(call(keysOf(loser)), lost);
      for (const request of requests) await assert.rejects(send(request), lost);
      await assert.rejects(call(keys), lost);
      assert.equal(await effects(), 4);
      // The step that was used and the one that it led to.
      assert.equal(await rows(), 2);
    });
  }

  test('concurrently in two processes: each is executed once', async (t) => {
    const { exchange, other, ask, send, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(exchange);
    const requests = Array.from({ length: 8 }, () => ask(keys));
    const answers = await Promise.all(
      requests.map((request, index) => send(request, undefined, index % 2 ? exchange : other.exchange)),
    );
    assert.deepEqual(
      answers.map(({ message }) => message).sort(),
      Array.from({ length: 8 }, (_, index) => `request ${index + 1}`),
    );
    assert.equal(await effects(), 8);
  });

  test('wrong keys do not count as the use of a response', async (t) => {
    const { exchange, ask, send, call } = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(exchange);
    const [first, second] = [await call(keys), await call(keys)];
    const guess = { ...keysOf(first), aesKey: '0'.repeat(64) };
    await assert.rejects(call(guess), { code: 'malformed_request' });
    const incomplete = { endpoint: effect, request: prepare(keysOf(first), effect.path, {}) };
    await assert.rejects(send(incomplete), { code: 'malformed_request' });
    await send(ask(keysOf(second)));
    await assert.rejects(call(keysOf(first)), lost);
  });

  test('each response leads to the session state of its own request', async (t) => {
    const { exchange, store, ask, send } = await createExchangeHarness(t, await newStoreLocation(t));
    const userId = randomBytes(16);
    await store.transaction(({ db }) => {
      const names = { username: 'Ada', username_key: 'ada', email: 'ada@example.org', email_key: 'ada@example.org' };
      return db
        .insertInto('users')
        .values({ user_id: userId, ...names, password_hash: '', created_at: 0 })
        .execute();
    });
    const keys = await handshake(exchange);
    const loggedIn = await send(ask(keys), { execute: async () => ({ session: { userId } }) });
    const anonymous = await send(ask(keys), { execute: async () => ({}) });
    const seen: (Uint8Array | null)[] = [];
    const look: TestHandler = {
      execute: async ({ session }) => {
        seen.push(session.userId && Buffer.from(session.userId));
        return {};
      },
    };
    const refused = await send(ask(keysOf(await send(ask(keys, own), look)), own), look);
    assert.equal(refused.error, 'No authorization');
    assert.deepEqual(seen, []);
    await assert.rejects(send(ask(keysOf(anonymous)), look), lost);
    await assert.rejects(send(ask(keysOf(loggedIn)), look), lost);
    const again = await handshake(exchange);
    const session = keysOf(await send(ask(again), { execute: async () => ({ session: { userId } }) }));
    await send(ask(session, own), look);
    assert.deepEqual(seen, [userId]);
  });
});

describe('late duplicate', () => {
  test('is rejected and not executed, whether its response was used or dropped', async (t) => {
    const { exchange, ask, send, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(exchange);
    const [abandoned, first] = [ask(keys), ask(keys)];
    await send(abandoned);
    let current = keysOf(await send(first));
    for (let step = 1; step <= 5; step++) {
      current = keysOf(await send(ask(current)));
      await assert.rejects(send(abandoned), lost);
      await assert.rejects(send(first), lost);
    }
    assert.equal(await effects(), 7);
  });

  test('of a request that was never executed: rejected as well', async (t) => {
    const { exchange, ask, send, call, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(exchange);
    const delayed = ask(keys);
    await call(keysOf(await call(keys)));
    await assert.rejects(send(delayed), lost);
    assert.equal(await effects(), 2);
  });
});

describe('idle session', () => {
  test('expires exactly at the idle timeout, reports it once, then is deleted', async (t) => {
    const { exchange, time, call, rows, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(exchange);
    time.advance(IDLE_TIME - 1);
    const next = keysOf(await call(keys));
    time.advance(IDLE_TIME - 1);
    const last = keysOf(await call(next));
    time.advance(IDLE_TIME);
    await assert.rejects(call(last), { code: 'session_expired' });
    await assert.rejects(call(last), lost);
    await assert.rejects(call(next), lost);
    assert.equal(await rows(), 0);
    assert.equal(await effects(), 2);
  });

  test('a retry gets its response, but does not keep the session alive', async (t) => {
    const { exchange, time, ask, send, call } = await createExchangeHarness(t, await newStoreLocation(t));
    const request = ask(await handshake(exchange));
    const answer = await send(request);
    time.advance(IDLE_TIME - 1);
    assert.equal((await send(request)).text, answer.text);
    time.advance(1);
    await assert.rejects(send(request), { code: 'session_expired' });
    await assert.rejects(call(keysOf(answer)), lost);
  });

  test('in use, it expires exactly at its maximum age', async (t) => {
    const { exchange, time, call } = await createExchangeHarness(t, await newStoreLocation(t));
    let keys = await handshake(exchange);
    for (let age = 0; age < MAX_AGE; age += IDLE_TIME / 2) {
      keys = keysOf(await call(keys));
      time.advance(age + IDLE_TIME / 2 < MAX_AGE ? IDLE_TIME / 2 : IDLE_TIME / 2 - 1);
    }
    keys = keysOf(await call(keys));
    time.advance(1);
    await assert.rejects(call(keys), { code: 'session_expired' });
    await assert.rejects(call(keys), lost);
  });

  test('using an older response keeps the session alive', async (t) => {
    const { exchange, time, ask, send, call } = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(exchange);
    const older = ask(keys);
    const answer = await send(older);
    time.advance(IDLE_TIME - 1);
    await call(keys);
    time.advance(IDLE_TIME - 1);
    assert.equal((await call(keysOf(answer))).status, 200);
  });

  test('expires with all its steps at once', async (t) => {
    const { exchange, time, call, rows } = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(exchange);
    const first = keysOf(await call(keys));
    time.advance(1_000);
    const second = keysOf(await call(keys));
    time.advance(IDLE_TIME);
    await assert.rejects(call(first), { code: 'session_expired' });
    await assert.rejects(call(second), lost);
    assert.equal(await rows(), 0);
  });

  test('the sweeper deletes whole sessions only, so that no request is executed twice', async (t) => {
    const { exchange, store, time, ask, send, call, effects } = await createExchangeHarness(
      t,
      await newStoreLocation(t),
    );
    const keys = await handshake(exchange);
    const request = ask(keys);
    const answer = await send(request);
    for (let hour = 1; hour <= 3; hour++) {
      time.advance(IDLE_TIME - 1);
      await call(keys);
    }
    const sessionsUnusedSince = time.clock() - 2 * IDLE_TIME;
    const never = {
      requestLocksExpiredBy: 0,
      recoveriesEndedBy: 0,
      emailChangesEndedBy: 0,
      registrationsEndedBy: 0,
      invitesEndedBy: 0,
      loginAttemptsBefore: 0,
      rateWindowsBefore: -1,
      knownClientsUnusedSince: 0,
      budgetsFullBy: 0,
      kemKeysEndedBy: 0,
      messages: { now: 0, endsShownUntil: 0 },
    };
    const handshakesUnusedSince = { 1: time.clock(), 2: time.clock() };
    await store.transaction((tx) => deleteExpired(tx, { ...never, handshakesUnusedSince, sessionsUnusedSince }, 100));
    assert.equal((await send(request)).text, answer.text);
    assert.equal(await effects(), 4);
  });
});

describe('sessions', () => {
  test('unknown session key: session_not_found, and nothing is executed', async (t) => {
    const { call, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    await assert.rejects(call({ sessionKey: 'x'.repeat(400), aesKey: '0'.repeat(64) }), lost);
    await assert.rejects(call({ sessionKey: '', aesKey: '0'.repeat(64) }), lost);
    assert.equal(await effects(), 0);
  });

  test('are independent of each other', async (t) => {
    const { exchange, call } = await createExchangeHarness(t, await newStoreLocation(t));
    let [one, other] = [await handshake(exchange), await handshake(exchange)];
    for (let step = 1; step <= 3; step++) {
      one = keysOf(await call(one));
      other = keysOf(await call(other, read));
    }
  });

  test('altered row: an error, and the session is not lost', async (t) => {
    const { exchange, store, call } = await createExchangeHarness(t, await newStoreLocation(t));
    const keys = await handshake(exchange);
    const setSecret = async (secret: Uint8Array) => {
      await store.transaction(({ db }) => db.updateTable('session_steps').set({ sealed_secret: secret }).execute());
    };
    const row = await store.transaction(({ db }) =>
      db.selectFrom('session_steps').select('sealed_secret').executeTakeFirstOrThrow(),
    );
    await setSecret(randomBytes(60));
    await assert.rejects(call(keys), /altered or damaged/);
    await setSecret(row.sealed_secret);
    assert.equal((await call(keys)).status, 200);
  });

  test('are not opened by a refused or rate-limited handshake', async (t) => {
    const { exchange, rows } = await createExchangeHarness(t, await newStoreLocation(t));
    await assert.rejects(
      exchange.openSession({}, async () => {}),
      { code: 'handshake_refused' },
    );
    const refuse = async () => {
      throw new Problem('too_many_requests');
    };
    await assert.rejects(exchange.openSession({}, refuse), { code: 'too_many_requests' });
    assert.equal(await rows(), 0);
  });
});
