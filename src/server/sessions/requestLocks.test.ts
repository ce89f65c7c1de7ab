// Request locks: copies of a request, renewal, takeover.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import {
  createExchangeHarness,
  createGate,
  type ExchangeHarness,
  handshake,
  keysOf,
  type TestHandler,
  takeEffect,
} from '../../../test/support/exchangeFixtures.ts';
import { eventually } from '../../../test/support/poll.ts';
import { newStoreLocation } from '../../../test/support/store.ts';
import { RENEWAL_INTERVAL_MS, REQUEST_LOCK_LEASE_MS } from './requestLocks.ts';

/** A handler whose preparation waits at a gate. */
function preparedHandler() {
  const gate = createGate();
  const handler: TestHandler = { prepare: gate.pass, execute: takeEffect };
  return { gate, handler };
}

/** A request whose first owner does not renew its lock and is still preparing. */
async function createLateOwner(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const harness = await createExchangeHarness(t, await newStoreLocation(t));
  const [late, next] = [preparedHandler(), preparedHandler()];
  const request = harness.ask(await handshake(harness.exchange));
  const first = harness.send(request, late.handler);
  await late.gate.reached;
  return { ...harness, late, next, request, first };
}

/** Lets everything in progress continue up to the gates. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets the owner of the only lock renew it, and waits until that is durable. */
async function renew(t: TestContext, { store, time }: ExchangeHarness): Promise<void> {
  t.mock.timers.tick(RENEWAL_INTERVAL_MS);
  const leaseUntil = time.clock() + REQUEST_LOCK_LEASE_MS;
  await eventually('the renewal of the lock', async () => {
    const [lock] = await store.transaction(({ db }) => db.selectFrom('request_locks').select('lease_until').execute());
    return lock?.lease_until === leaseUntil ? true : undefined;
  });
}

describe('copies of a request in preparation', () => {
  for (const where of ['the same process', 'another process'] as const) {
    test(`wait for it and get its response, in ${where}`, async (t) => {
      const { exchange, other, ask, send, effects } = await createExchangeHarness(t, await newStoreLocation(t));
      const copyExchange = where === 'the same process' ? exchange : other.exchange;
      const { gate, handler } = preparedHandler();
      const request = ask(await handshake(exchange));
      const first = send(request, handler);
      await gate.reached;
      let answered = 0;
      const copies = Array.from({ length: 5 }, () =>
        send(request, handler, copyExchange).finally(() => {
          answered += 1;
        }),
      );
      await settle();
      assert.deepEqual([answered, gate.passes, await effects()], [0, 1, 0]);
      gate.open();
      const { text } = await first;
      for (const copy of await Promise.all(copies)) assert.equal(copy.text, text);
      assert.deepEqual([gate.passes, await effects()], [1, 1]);
    });

    test(`one of them is executed if it fails, in ${where}`, async (t) => {
      const { exchange, other, ask, send, effects } = await createExchangeHarness(t, await newStoreLocation(t));
      const copyExchange = where === 'the same process' ? exchange : other.exchange;
      const { gate, handler } = preparedHandler();
      const failing: TestHandler = {
        prepare: async () => {
          await gate.pass();
          throw new Error('the hasher broke');
        },
        execute: takeEffect,
      };
      const request = ask(await handshake(exchange));
      const first = send(request, failing);
      await gate.reached;
      const copies = Array.from({ length: 5 }, () => send(request, handler, copyExchange));
      gate.open();
      await assert.rejects(first, /the hasher broke/);
      const texts = (await Promise.all(copies)).map(({ text }) => text);
      assert.equal(new Set(texts).size, 1);
      assert.deepEqual([gate.passes, await effects()], [2, 1]);
    });
  }

  test('block neither other requests of the step nor other sessions', async (t) => {
    const { exchange, ask, send, call, effects } = await createExchangeHarness(t, await newStoreLocation(t));
    const { gate, handler } = preparedHandler();
    const keys = await handshake(exchange);
    const slow = send(ask(keys), handler);
    await gate.reached;
    await call(keys);
    await call(await handshake(exchange));
    gate.open();
    assert.equal((await slow).status, 200);
    assert.equal(await effects(), 3);
  });
});

test('a step that ends during the preparation: the request is not executed', async (t) => {
  const { exchange, store, ask, send, call, effects } = await createExchangeHarness(t, await newStoreLocation(t));
  const { gate, handler } = preparedHandler();
  const keys = await handshake(exchange);
  const other = await call(keys);
  const slow = send(ask(keys), handler);
  await gate.reached;
  await call(keysOf(other));
  gate.open();
  await assert.rejects(slow, { code: 'session_not_found' });
  assert.equal(await effects(), 2);
  assert.deepEqual(await store.transaction(({ db }) => db.selectFrom('request_locks').selectAll().execute()), []);
});

test('a lock is renewed for as long as the preparation takes', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const harness = await createExchangeHarness(t, await newStoreLocation(t));
  const { exchange, other, time, ask, send, effects } = harness;
  const { gate, handler } = preparedHandler();
  const request = ask(await handshake(exchange));
  const first = send(request, handler);
  await gate.reached;
  const copy = send(request, handler, other.exchange);
  for (let renewal = 1; renewal <= 10; renewal++) {
    time.advance(REQUEST_LOCK_LEASE_MS - 1);
    await renew(t, harness);
  }
  assert.equal(gate.passes, 1);
  gate.open();
  assert.equal((await copy).text, (await first).text);
  assert.equal(await effects(), 1);
});

describe('lock without renewal', () => {
  test('is taken over once its lease expires, and not before', async (t) => {
    const { other, time, send, effects, late, next, request, first } = await createLateOwner(t);
    time.advance(REQUEST_LOCK_LEASE_MS - 1);
    const copy = send(request, next.handler, other.exchange);
    await settle();
    assert.equal(next.gate.passes, 0);
    time.advance(1);
    await next.gate.reached;
    next.gate.open();
    assert.equal((await copy).status, 200);
    assert.equal(await effects(), 1);
    late.gate.open();
    await first;
  });

  test('a late owner gets the response of the new owner', async (t) => {
    const { other, time, send, effects, late, next, request, first } = await createLateOwner(t);
    time.advance(REQUEST_LOCK_LEASE_MS);
    next.gate.open();
    const { text } = await send(request, next.handler, other.exchange);
    late.gate.open();
    assert.equal((await first).text, text);
    assert.equal(await effects(), 1);
  });

  test('a late owner does not execute next to the new owner: overloaded', async (t) => {
    const { other, time, send, effects, late, next, request, first } = await createLateOwner(t);
    time.advance(REQUEST_LOCK_LEASE_MS);
    const second = send(request, next.handler, other.exchange);
    await next.gate.reached;
    late.gate.open();
    await assert.rejects(first, { code: 'overloaded', retryAfterSeconds: 1 });
    assert.equal(await effects(), 0);
    next.gate.open();
    const { text } = await second;
    assert.equal((await send(request, late.handler)).text, text);
    assert.equal(await effects(), 1);
  });
});

test('a late owner does not stop the renewals of a new owner in the same process', async (t) => {
  const harness = await createLateOwner(t);
  const { other, time, send, effects, late, next, request, first } = harness;
  const copy = preparedHandler();
  time.advance(REQUEST_LOCK_LEASE_MS);
  const second = send(request, next.handler);
  await next.gate.reached;
  late.gate.open();
  await assert.rejects(first, { code: 'overloaded' });
  for (let renewal = 1; renewal <= 3; renewal++) {
    time.advance(REQUEST_LOCK_LEASE_MS - 1);
    await renew(t, harness);
  }
  const third = send(request, copy.handler, other.exchange);
  await settle();
  assert.equal(copy.gate.passes, 0);
  next.gate.open();
  assert.equal((await third).text, (await second).text);
  assert.equal(await effects(), 1);
});

test('no lock remains after the response', async (t) => {
  const { exchange, store, ask, send } = await createExchangeHarness(t, await newStoreLocation(t));
  const { gate, handler } = preparedHandler();
  gate.open();
  const keys = await handshake(exchange);
  const requests = Array.from({ length: 5 }, () => ask(keys));
  await Promise.all([...requests, ...requests].map((request) => send(request, handler)));
  assert.equal(gate.passes, 5);
  assert.deepEqual(await store.transaction(({ db }) => db.selectFrom('request_locks').selectAll().execute()), []);
});
