import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeTime, type FakeTime } from '../../../test/support/fakeTime.ts';
import { createFakeTransport, openTestStore } from '../../../test/support/mailFixtures.ts';
import { createOutboxWorld, MINUTE, recipients, SECOND } from '../../../test/support/outboxWorld.ts';
import type { Store } from '../store/store.ts';
import type { MailLog } from './mail.ts';

/** Turns the clock a second at a time where the worker cannot become idle. */
async function letPass(time: FakeTime, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += SECOND) {
    time.advance(SECOND);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A store that fails while the test says so. */
function failingStore(store: Store): Store & { failing: boolean } {
  const state = { failing: false };
  const transaction: Store['transaction'] = (work) =>
    state.failing ? Promise.reject(new Error('cannot write K7M4PX')) : store.transaction(work);
  return Object.assign(state, { ...store, transaction });
}

test('slow mails hold up no other one, and no more than five go at once', async (t) => {
  const slow = Promise.withResolvers<void>();
  const transport = createFakeTransport(({ to }) => (to.startsWith('slow') ? slow.promise : undefined));
  const world = await createOutboxWorld(t, { transport });
  world.outbox.start();
  for (let n = 1; n <= 4; n += 1) await world.send({ to: `slow${n}@example.org` });
  await transport.attempted(4);
  for (let n = 1; n <= 3; n += 1) await world.send({ to: `quick${n}@example.org` });
  await transport.attempted(7);

  await world.send({ to: 'slow5@example.org' });
  await transport.attempted(8);
  await world.send({ to: 'last@example.org' });
  world.time.advance(MINUTE);
  assert.equal(transport.attempts.length, 8);
  slow.resolve();
  await world.outbox.idle();
  assert.equal(transport.attempts.at(-1)?.to, 'last@example.org');
  assert.equal(new Set(recipients(transport)).size, 9);
});

test('an attempt that never ends is broken off, and made again', async (t) => {
  const signals: AbortSignal[] = [];
  const transport = createFakeTransport((_, attempt) => (attempt === 1 ? new Promise(() => {}) : undefined));
  const { deliver } = transport;
  transport.deliver = (message, signal) => {
    signals.push(signal);
    return deliver(message, signal);
  };
  const world = await createOutboxWorld(t, { transport });
  world.outbox.start();
  await world.send();
  await transport.attempted(1);
  world.time.advance(2 * MINUTE);
  await world.outbox.idle();
  assert.equal(signals[0]?.aborted, true);
  await world.advance(3 * SECOND);
  assert.equal(transport.attempts.length, 2);
  assert.deepEqual(await world.rows(), []);
});

test('workers on one database send each mail once', async (t) => {
  const time = createFakeTime();
  // Neither sends before both have taken mails.
  const bothAtWork = Promise.withResolvers<void>();
  const waiting = () => createFakeTransport(() => bothAtWork.promise);
  const one = await createOutboxWorld(t, { time, transport: waiting() });
  const secondStore = await openTestStore(t, one.store.location);
  const two = await createOutboxWorld(t, { time, transport: waiting(), store: secondStore });
  for (let n = 0; n < 40; n += 1) await one.send({ to: `person${n}@example.org` });
  one.outbox.start();
  two.outbox.start();
  await Promise.all([one.transport.attempted(1), two.transport.attempted(1)]);
  bothAtWork.resolve();
  await Promise.all([one.outbox.idle(), two.outbox.idle()]);
  await one.advance(3 * MINUTE);
  await two.outbox.idle();

  const sent = [...recipients(one.transport), ...recipients(two.transport)];
  assert.equal(sent.length, 40);
  assert.equal(new Set(sent).size, 40);
});

test('a mail that another process left behind is found', async (t) => {
  const world = await createOutboxWorld(t);
  const dead = await createOutboxWorld(t, { time: world.time, store: await openTestStore(t, world.store.location) });
  world.outbox.start();
  await world.outbox.idle();
  await dead.send();
  assert.deepEqual(world.transport.attempts, []);
  await world.advance(MINUTE);
  assert.equal(world.transport.attempts.length, 1);
});

test('a mail that was on its way in a crash is sent again after its lease, as the same mail', async (t) => {
  const crashed = await createOutboxWorld(t, { transport: createFakeTransport(() => new Promise(() => {})) });
  crashed.outbox.start();
  await crashed.send();
  await crashed.transport.attempted(1);

  const time = createFakeTime(crashed.time.clock() + SECOND);
  const restarted = await createOutboxWorld(t, { store: crashed.store, time });
  restarted.outbox.start();
  await restarted.advance(MINUTE);
  assert.deepEqual(restarted.transport.attempts, []);
  await restarted.advance(2 * MINUTE);
  assert.equal(restarted.transport.attempts.length, 1);
  assert.deepEqual(restarted.transport.attempts[0], crashed.transport.attempts[0]);
});

test('stopping waits for a mail that is being sent', async (t) => {
  const slow = Promise.withResolvers<void>();
  const world = await createOutboxWorld(t, { transport: createFakeTransport(() => slow.promise) });
  world.outbox.start();
  await world.send();
  await world.transport.attempted(1);
  const stopped = world.outbox.stop();
  assert.equal(world.transport.closed, false);
  slow.resolve();
  await stopped;
  assert.equal(world.transport.closed, true);
  assert.deepEqual(await world.rows(), []);
});

test('stopping breaks off a mail that takes too long, and the next start sends it', async (t) => {
  const world = await createOutboxWorld(t, { transport: createFakeTransport(() => new Promise(() => {})) });
  world.outbox.start();
  await world.send();
  await world.transport.attempted(1);
  // Until its transaction is over, stopping does not yet wait for the mail.
  await world.store.transaction(async () => {});
  const stopped = world.outbox.stop();
  await new Promise((resolve) => setImmediate(resolve));
  world.time.advance(10 * SECOND);
  await stopped;
  assert.match(world.log.text(), /broken off to stop/);

  const restarted = await createOutboxWorld(t, { store: world.store, time: world.time });
  restarted.outbox.start();
  await restarted.advance(5 * SECOND);
  assert.equal(restarted.transport.attempts.length, 1);
});

test('after stopping, nothing is begun', async (t) => {
  const world = await createOutboxWorld(t);
  world.outbox.start();
  await world.outbox.stop();
  await world.send();
  world.time.advance(5 * MINUTE);
  await world.outbox.idle();
  assert.deepEqual(world.transport.attempts, []);
  assert.equal((await world.rows()).length, 1);
});

test('the worker outlives a database that cannot be read', async (t) => {
  const store = failingStore(await openTestStore(t));
  const world = await createOutboxWorld(t, { store });
  await world.send();
  store.failing = true;
  world.outbox.start();
  await world.outbox.idle();
  assert.match(world.log.text(), /cannot be read/);
  store.failing = false;
  await world.advance(5 * SECOND);
  assert.equal(world.transport.attempts.length, 1);
});

test('a mail that was accepted is not sent again because the database failed then', async (t) => {
  const store = failingStore(await openTestStore(t));
  const delivery = Promise.withResolvers<void>();
  const world = await createOutboxWorld(t, { store, transport: createFakeTransport(() => delivery.promise) });
  world.outbox.start();
  await world.send();
  await world.transport.attempted(1);
  store.failing = true;
  const complaint = Promise.withResolvers<void>();
  const { error } = world.log;
  Object.assign(world.log, {
    error: (...line: Parameters<MailLog['error']>) => {
      error(...line);
      complaint.resolve();
    },
  });
  delivery.resolve();
  await complaint.promise;
  // Long past the lease.
  await letPass(world.time, 4 * MINUTE);
  store.failing = false;
  await letPass(world.time, 10 * SECOND);
  await world.outbox.idle();
  assert.deepEqual(await world.rows(), []);
  assert.equal(world.transport.attempts.length, 1);
});
