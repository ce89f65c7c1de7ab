// OutboxWorker: concurrency, leases, stopping, database outages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeTime, type FakeTime } from '../../../test/support/fakeTime.ts';
import { createFakeTransport, openTestStore } from '../../../test/support/mailFixtures.ts';
import { createOutboxHarness, MINUTE_MS, recipients, SECOND_MS } from '../../../test/support/outboxHarness.ts';
import type { Store } from '../store/store.ts';
import type { MailLog } from './mail.ts';

/** Advances the clock second by second, without waiting for an idle worker. */
async function letPass(time: FakeTime, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += SECOND_MS) {
    time.advance(SECOND_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A store that fails on demand. */
function failingStore(store: Store): Store & { failing: boolean } {
  const state = { failing: false };
  const transaction: Store['transaction'] = (work) =>
    state.failing ? Promise.reject(new Error('cannot write K7M4PX')) : store.transaction(work);
  const { engine, location } = store;
  const truncateLog = () => store.truncateLog();
  return Object.assign(state, { engine, location, transaction, truncateLog, close: () => store.close() });
}

test('slow emails do not delay others, and at most five are sent at once', async (t) => {
  const slow = Promise.withResolvers<void>();
  const transport = createFakeTransport(({ to }) => (to.startsWith('slow') ? slow.promise : undefined));
  const harness = await createOutboxHarness(t, { transport });
  harness.outbox.start();
  for (let n = 1; n <= 4; n += 1) await harness.send({ to: `slow${n}@example.org` });
  await transport.attempted(4);
  for (let n = 1; n <= 3; n += 1) await harness.send({ to: `quick${n}@example.org` });
  await transport.attempted(7);

  await harness.send({ to: 'slow5@example.org' });
  await transport.attempted(8);
  await harness.send({ to: 'last@example.org' });
  harness.time.advance(MINUTE_MS);
  assert.equal(transport.attempts.length, 8);
  slow.resolve();
  await harness.outbox.idle();
  assert.equal(transport.attempts.at(-1)?.to, 'last@example.org');
  assert.equal(new Set(recipients(transport)).size, 9);
});

test('an attempt that never ends is aborted and repeated', async (t) => {
  const signals: AbortSignal[] = [];
  const transport = createFakeTransport((_, attempt) => (attempt === 1 ? new Promise(() => {}) : undefined));
  const { deliver } = transport;
  transport.deliver = (message, signal) => {
    signals.push(signal);
    return deliver(message, signal);
  };
  const harness = await createOutboxHarness(t, { transport });
  harness.outbox.start();
  await harness.send();
  await transport.attempted(1);
  harness.time.advance(2 * MINUTE_MS);
  await harness.outbox.idle();
  assert.equal(signals[0]?.aborted, true);
  await harness.advance(3 * SECOND_MS);
  assert.equal(transport.attempts.length, 2);
  assert.deepEqual(await harness.rows(), []);
});

test('workers on one database send each email once', async (t) => {
  const time = createFakeTime();
  // No email is sent before both have leased some.
  const bothAtWork = Promise.withResolvers<void>();
  const waiting = () => createFakeTransport(() => bothAtWork.promise);
  const one = await createOutboxHarness(t, { time, transport: waiting() });
  const secondStore = await openTestStore(t, one.store.location);
  const two = await createOutboxHarness(t, { time, transport: waiting(), store: secondStore });
  for (let n = 0; n < 40; n += 1) await one.send({ to: `person${n}@example.org` });
  one.outbox.start();
  two.outbox.start();
  await Promise.all([one.transport.attempted(1), two.transport.attempted(1)]);
  bothAtWork.resolve();
  await Promise.all([one.outbox.idle(), two.outbox.idle()]);
  await one.advance(3 * MINUTE_MS);
  await two.outbox.idle();

  const sent = [...recipients(one.transport), ...recipients(two.transport)];
  assert.equal(sent.length, 40);
  assert.equal(new Set(sent).size, 40);
});

test('an email left behind by another process is sent', async (t) => {
  const harness = await createOutboxHarness(t);
  const dead = await createOutboxHarness(t, {
    time: harness.time,
    store: await openTestStore(t, harness.store.location),
  });
  harness.outbox.start();
  await harness.outbox.idle();
  await dead.send();
  assert.deepEqual(harness.transport.attempts, []);
  await harness.advance(MINUTE_MS);
  assert.equal(harness.transport.attempts.length, 1);
});

test('an email in delivery during a crash is sent again after its lease, as the same email', async (t) => {
  const crashed = await createOutboxHarness(t, { transport: createFakeTransport(() => new Promise(() => {})) });
  crashed.outbox.start();
  await crashed.send();
  await crashed.transport.attempted(1);

  const time = createFakeTime(crashed.time.clock() + SECOND_MS);
  const restarted = await createOutboxHarness(t, { store: crashed.store, time });
  restarted.outbox.start();
  await restarted.advance(MINUTE_MS);
  assert.deepEqual(restarted.transport.attempts, []);
  await restarted.advance(2 * MINUTE_MS);
  assert.equal(restarted.transport.attempts.length, 1);
  assert.deepEqual(restarted.transport.attempts[0], crashed.transport.attempts[0]);
});

test('stopping waits for a delivery in progress', async (t) => {
  const slow = Promise.withResolvers<void>();
  const harness = await createOutboxHarness(t, { transport: createFakeTransport(() => slow.promise) });
  harness.outbox.start();
  await harness.send();
  await harness.transport.attempted(1);
  const stopped = harness.outbox.stop();
  assert.equal(harness.transport.closed, false);
  slow.resolve();
  await stopped;
  assert.equal(harness.transport.closed, true);
  assert.deepEqual(await harness.rows(), []);
});

test('stopping aborts a delivery that takes too long, and the next start sends the email', async (t) => {
  const harness = await createOutboxHarness(t, { transport: createFakeTransport(() => new Promise(() => {})) });
  harness.outbox.start();
  await harness.send();
  await harness.transport.attempted(1);
  // Stopping waits for the email only after its transaction.
  await harness.store.transaction(async () => {});
  const stopped = harness.outbox.stop();
  await new Promise((resolve) => setImmediate(resolve));
  harness.time.advance(10 * SECOND_MS);
  await stopped;
  assert.match(harness.log.text(), /aborted: the server is stopping/);

  const restarted = await createOutboxHarness(t, { store: harness.store, time: harness.time });
  restarted.outbox.start();
  await restarted.advance(5 * SECOND_MS);
  assert.equal(restarted.transport.attempts.length, 1);
});

test('no attempt begins after stopping', async (t) => {
  const harness = await createOutboxHarness(t);
  harness.outbox.start();
  await harness.outbox.stop();
  await harness.send();
  harness.time.advance(5 * MINUTE_MS);
  await harness.outbox.idle();
  assert.deepEqual(harness.transport.attempts, []);
  assert.equal((await harness.rows()).length, 1);
});

test('the worker survives a database outage while reading', async (t) => {
  const store = failingStore(await openTestStore(t));
  const harness = await createOutboxHarness(t, { store });
  await harness.send();
  store.failing = true;
  harness.outbox.start();
  await harness.outbox.idle();
  assert.match(harness.log.text(), /reading the outbox failed/);
  store.failing = false;
  await harness.advance(5 * SECOND_MS);
  assert.equal(harness.transport.attempts.length, 1);
});

test('an email accepted during a database outage is not sent again', async (t) => {
  const store = failingStore(await openTestStore(t));
  const delivery = Promise.withResolvers<void>();
  const harness = await createOutboxHarness(t, { store, transport: createFakeTransport(() => delivery.promise) });
  harness.outbox.start();
  await harness.send();
  await harness.transport.attempted(1);
  store.failing = true;
  const complaint = Promise.withResolvers<void>();
  const { error } = harness.log;
  Object.assign(harness.log, {
    error: (...line: Parameters<MailLog['error']>) => {
      error(...line);
      complaint.resolve();
    },
  });
  delivery.resolve();
  await complaint.promise;
  // Long after the lease expired.
  await letPass(harness.time, 4 * MINUTE_MS);
  store.failing = false;
  await letPass(harness.time, 10 * SECOND_MS);
  await harness.outbox.idle();
  assert.deepEqual(await harness.rows(), []);
  assert.equal(harness.transport.attempts.length, 1);
});
