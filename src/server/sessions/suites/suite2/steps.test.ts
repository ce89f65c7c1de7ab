// Steps of suite 2: which are valid, what is replayed, and when a session expires.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  asHandler,
  createGate,
  effect,
  handshake as handshake1,
  sealedRequest,
  type TestHandler,
  takeEffect,
} from '../../../../../test/support/exchangeFixtures.ts';
import { newStoreLocation } from '../../../../../test/support/store.ts';
import { type Keys, prepare } from '../../../../../test/support/suite1Client.ts';
import { b64 } from '../../../../../test/support/suite2Client.ts';
import { createSuite2Harness, IDLE_TIME, sealedRequest2 } from '../../../../../test/support/suite2Fixtures.ts';
import { SUITE1_UNUSED_TIMEOUT_MS } from '../suite1.ts';
import { UNUSED_SESSION_TIMEOUT_MS } from './suite2.ts';

const outOfSync = { code: 'out_of_sync' };
const malformed = { code: 'malformed_request' };

describe('suite 2 step', () => {
  test('past or future step: out_of_sync without an effect', async (t) => {
    const { handshake, ask, send, call, steps, effects } = await createSuite2Harness(t, await newStoreLocation(t));
    const first = await handshake();
    const { next: second } = await call(first);
    const { next: third } = await call(second);
    const before = await steps();
    const ahead = { ...third, n: 3 };
    const farAhead = { ...third, n: 999_999_999_999_999 };
    for (const step of [first, second, ahead, farAhead]) await assert.rejects(call(step), outOfSync, `${step.n}`);
    assert.deepEqual(await steps(), before);
    assert.equal(await effects(), 2);
    assert.equal((await send(ask(third))).status, 200);
  });

  test('step of an unknown session: session_not_found', async (t) => {
    const { exchange, handshake, ask, send, call } = await createSuite2Harness(t, await newStoreLocation(t));
    const step = await handshake();
    const notFound = { code: 'session_not_found' };
    await assert.rejects(call({ ...step, sessionId: b64(randomBytes(32)) }), notFound);
    const sent = ask(step);
    for (const session_key of [
      '2.',
      '2.x.0',
      `2.${step.sessionId}`,
      `2.${step.sessionId}.00`,
      `2.${step.sessionId}.-1`,
    ]) {
      const body = JSON.stringify({ ...JSON.parse(sent.request.body), session_key });
      const run = () => exchange.run(asHandler({ execute: takeEffect }), sealedRequest2(sent, body));
      await assert.rejects(run, notFound, session_key);
    }
    assert.equal((await send(sent)).status, 200);
  });

  test('step of a suite 1 session: session_not_found', async (t) => {
    const { exchange } = await createSuite2Harness(t, await newStoreLocation(t));
    const keys = await handshake1(exchange);
    const { path, body } = prepare(keys, effect.path, { text: 'x' });
    const payload = b64(randomBytes(200));
    const confused = JSON.stringify({ ...JSON.parse(body), suite: 2, payload });
    const request = { endpoint: effect, request: { path, body: confused, keys } };
    await assert.rejects(exchange.run(asHandler({ execute: takeEffect }), sealedRequest(request)), {
      code: 'session_not_found',
    });
    const right = { endpoint: effect, request: { path, body, keys } };
    assert.equal((await exchange.run(asHandler({ execute: takeEffect }), sealedRequest(right))).status, 200);
  });
});

describe('suite 2 retry', () => {
  test('gets the same response and is executed once, in any spelling of its JSON', async (t) => {
    const { exchange, other, handshake, ask, send, effects } = await createSuite2Harness(t, await newStoreLocation(t));
    const sent = ask(await handshake(), effect, { kem: true });
    const { text } = await send(sent);
    const { session_key, payload } = JSON.parse(sent.request.body) as Record<string, string>;
    const spellings = [
      sent.request.body,
      JSON.stringify({ payload, session_key }),
      JSON.stringify({ session_key, payload, suite: 2, more: ['anything'] }, null, 2),
      ` ${sent.request.body}\n`,
    ];
    for (const body of spellings) {
      for (const by of [exchange, other.exchange]) {
        const answer = await by.run(asHandler({ execute: takeEffect }), sealedRequest2(sent, body));
        assert.equal(answer.body, text, body);
      }
    }
    assert.equal(await effects(), 1);
  });

  test('many concurrent copies in two processes are executed once', async (t) => {
    const { exchange, other, handshake, ask, send, call, effects } = await createSuite2Harness(
      t,
      await newStoreLocation(t),
    );
    for (const handler of [undefined, { prepare: async () => {}, execute: takeEffect }]) {
      const before = await effects();
      const sent = ask(await handshake(), effect, { kem: true });
      const copies = Array.from({ length: 10 }, (_, n) => send(sent, handler, n % 2 ? exchange : other.exchange));
      const answers = await Promise.all(copies);
      assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
      assert.equal(await effects(), before + 1);
      assert.equal((await call(answers[0]?.next ?? assert.fail())).status, 200);
    }
  });

  test('is replayed until the next step is used, then out_of_sync', async (t) => {
    const { handshake, ask, send, call, effects } = await createSuite2Harness(t, await newStoreLocation(t));
    const first = ask(await handshake());
    const answer = await send(first);
    const second = ask(answer.next);
    const { next } = await send(second);
    await assert.rejects(send(first), outOfSync);
    assert.equal((await send(second)).next.root.toString('hex'), next.root.toString('hex'));
    await call(next);
    await assert.rejects(send(second), outOfSync);
    assert.equal(await effects(), 3);
  });

  test('does not keep the session alive', async (t) => {
    const { time, handshake, ask, send, call } = await createSuite2Harness(t, await newStoreLocation(t));
    const sent = ask(await handshake());
    const { next } = await send(sent);
    time.advance(IDLE_TIME - 1);
    await send(sent);
    time.advance(1);
    await assert.rejects(call(next), { code: 'session_expired' });
  });
});

test('a different request at a used step is out_of_sync, also during retries, without an effect', async (t) => {
  const { other, handshake, ask, send, call, steps, effects } = await createSuite2Harness(t, await newStoreLocation(t));
  const step = await handshake();
  const [first, second] = [ask(step), ask(step)];
  const { next, text } = await send(first);
  const before = await steps();
  for (let time = 1; time <= 3; time += 1) await assert.rejects(send(second), outOfSync);
  await assert.rejects(send(ask({ ...step, root: randomBytes(32) })), outOfSync);
  assert.deepEqual(await steps(), before);
  assert.equal((await send(first)).text, text);
  assert.equal((await call(next)).status, 200);
  assert.equal(await effects(), 2);

  // A clone of the client at the same moment: only one of the two continues.
  const again = await handshake();
  const requests = [ask(again), ask(again), ask(again), ask(again)];
  const outcomes = await Promise.allSettled(
    requests.map((sent, n) => send(sent, undefined, n % 2 ? other.exchange : undefined)),
  );
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  assert.deepEqual(
    refused.map(({ code }) => code),
    ['out_of_sync', 'out_of_sync', 'out_of_sync'],
  );
  assert.equal(await effects(), 3);
});

test('of two requests in preparation at one step, one is executed', async (t) => {
  const { handshake, ask, send, effects } = await createSuite2Harness(t, await newStoreLocation(t));
  const step = await handshake();
  const gate = createGate();
  const handler: TestHandler = { prepare: gate.pass, execute: takeEffect };
  const running = [send(ask(step), handler), send(ask(step), handler)];
  const settled = Promise.allSettled(running);
  await gate.reached;
  gate.open();
  const outcomes = await settled;
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
  assert.deepEqual(refused, ['out_of_sync']);
  assert.equal(await effects(), 1);
});

describe('suite 2 session without a request', () => {
  test('expires after exactly two minutes, reports it once, then is deleted', async (t) => {
    assert.equal(UNUSED_SESSION_TIMEOUT_MS, 120_000);
    const { time, handshake, call, steps, effects } = await createSuite2Harness(t, await newStoreLocation(t));
    const [late, inTime] = [await handshake(), await handshake()];
    time.advance(UNUSED_SESSION_TIMEOUT_MS - 1);
    const { next } = await call(inTime);
    time.advance(1);
    await assert.rejects(call(late), { code: 'session_expired' });
    await assert.rejects(call(late), { code: 'session_not_found' });
    // A used session may be idle for much longer, before and after the use of its first response.
    time.advance(IDLE_TIME - 2);
    const { next: third } = await call(next);
    time.advance(IDLE_TIME - 1);
    assert.equal((await call(third)).status, 200);
    time.advance(IDLE_TIME);
    await assert.rejects(call(third), { code: 'session_expired' });
    assert.equal((await steps()).length, 0);
    assert.equal(await effects(), 3);
  });

  test('a request that cannot be decrypted does not count as a use', async (t) => {
    const { time, handshake, call } = await createSuite2Harness(t, await newStoreLocation(t));
    const step = await handshake();
    await assert.rejects(call({ ...step, root: randomBytes(32) }), malformed);
    time.advance(UNUSED_SESSION_TIMEOUT_MS);
    await assert.rejects(call(step), { code: 'session_expired' });
  });

  test('is deleted by the sweeper, unlike a used one', async (t) => {
    const { time, handshake, ask, send, call, steps, sweep } = await createSuite2Harness(t, await newStoreLocation(t));
    const used = ask(await handshake());
    const { next } = await send(used);
    time.advance(1);
    const unused = await handshake();
    time.advance(UNUSED_SESSION_TIMEOUT_MS - 1);
    await sweep();
    assert.equal((await steps()).length, 3);
    time.advance(1);
    await sweep();
    assert.equal((await steps()).length, 2);
    await assert.rejects(call(unused), { code: 'session_not_found' });
    await send(used);
    assert.equal((await call(next)).status, 200);
  });

  test('of suite 1: expires after exactly ten minutes, so that a user has time to type a password', async (t) => {
    assert.equal(SUITE1_UNUSED_TIMEOUT_MS, 600_000);
    const { exchange, time, sweep, steps } = await createSuite2Harness(t, await newStoreLocation(t));
    const [inTime, late] = [await handshake1(exchange), await handshake1(exchange)];
    const run = (keys: Keys) => {
      const request = { endpoint: effect, request: prepare(keys, effect.path, { text: 'x' }) };
      return exchange.run(asHandler({ execute: takeEffect }), sealedRequest(request));
    };
    time.advance(SUITE1_UNUSED_TIMEOUT_MS - 1);
    await sweep();
    assert.equal((await run(inTime)).status, 200);
    time.advance(1);
    await assert.rejects(run(late), { code: 'session_expired' });
    await handshake1(exchange);
    time.advance(SUITE1_UNUSED_TIMEOUT_MS);
    await sweep();
    assert.equal((await steps()).length, 2);
  });
});

test('altered rows: an error, and the session is not lost', async (t) => {
  const { store, handshake, ask, send, steps } = await createSuite2Harness(t, await newStoreLocation(t));
  const sent = ask(await handshake());
  const answer = await send(sent);
  const rows = await steps();
  const answered = rows.find((row) => row.sealed_response);
  assert.ok(answered?.sealed_response);
  const setResponse = (sealed: Uint8Array) =>
    store.transaction(({ db }) =>
      db
        .updateTable('session_steps')
        .set({ sealed_response: sealed })
        .where('step_id', '=', answered.step_id)
        .execute(),
    );
  await setResponse(randomBytes(100));
  await assert.rejects(send(sent), /altered or damaged/);
  await setResponse(answered.sealed_response);
  assert.equal((await send(sent)).text, answer.text);
});
