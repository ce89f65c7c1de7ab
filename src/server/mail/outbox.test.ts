import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { createFakeTime, type FakeTime } from '../../../test/support/fakeTime.ts';
import {
  createFakeTransport,
  createMemoryLog,
  type FakeTransport,
  mailSettings,
  openTestStore,
  recoveryMail,
} from '../../../test/support/mailFixtures.ts';
import type { Row } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { DeliveryError, type MailLog, type RecoveryMail } from './mail.ts';
import { createOutbox, type Outbox } from './outbox.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const sealingKey = randomBytes(32);

interface World {
  readonly store: Store;
  readonly time: FakeTime;
  readonly log: ReturnType<typeof createMemoryLog>;
  readonly transport: FakeTransport;
  readonly outbox: Outbox;
  /** Enqueues in a transaction of its own. */
  send(changes?: Partial<RecoveryMail>): Promise<void>;
}

async function createWorld(t: TestContext, parts: Partial<World> & { key?: Uint8Array } = {}): Promise<World> {
  const store = parts.store ?? (await openTestStore(t));
  const time = parts.time ?? createFakeTime();
  const log = createMemoryLog();
  const transport = parts.transport ?? createFakeTransport();
  const { clock, startTimer } = time;
  const outbox = createOutbox({
    store,
    sealingKey: parts.key ?? sealingKey,
    transport,
    settings: mailSettings,
    log,
    clock,
    startTimer,
    random: () => 0,
  });
  const send = (changes: Partial<RecoveryMail> = {}) =>
    store.transaction((transaction) =>
      outbox.enqueue(transaction, recoveryMail({ expiresAt: clock() + 10 * MINUTE, ...changes })),
    );
  return { store, time, log, transport, outbox, send };
}

const rowsOf = (store: Store): Promise<Row<'outbox'>[]> =>
  store.transaction(({ db }) => db.selectFrom('outbox').selectAll().execute());

const passing = () => Promise.reject(new DeliveryError('450', false));
const refused = () => Promise.reject(new DeliveryError('550', true));
const recipients = ({ attempts }: FakeTransport) => attempts.map(({ to }) => to);

/** Turns the clock a second at a time, letting the worker finish whatever comes due. */
async function advance({ time, outbox }: Pick<World, 'time' | 'outbox'>, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += SECOND) {
    time.advance(SECOND);
    await outbox.idle();
  }
}

/** The same where the worker cannot become idle. */
async function letPass(time: FakeTime, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += SECOND) {
    time.advance(SECOND);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a committed mail is sent at once, and its row goes', async (t) => {
  const world = await createWorld(t);
  world.outbox.start();
  await world.outbox.idle();
  await world.send({ to: 'ada@example.org', code: 'ABC234' });
  await world.outbox.idle();

  assert.deepEqual(recipients(world.transport), ['ada@example.org']);
  assert.match(world.transport.attempts[0]?.text ?? '', /^ABC234$/m);
  assert.deepEqual(await rowsOf(world.store), []);
});

test('a mail whose transaction is rolled back is never sent', async (t) => {
  const world = await createWorld(t);
  world.outbox.start();
  const broken = world.store.transaction(async (transaction) => {
    await world.outbox.enqueue(transaction, recoveryMail({ expiresAt: world.time.clock() + MINUTE }));
    throw new Error('rolled back');
  });
  await assert.rejects(broken, /rolled back/);
  await advance(world, 2 * MINUTE);
  assert.deepEqual(world.transport.attempts, []);
});

test('the row tells neither the address nor the code, and a decoy looks like a mail', async (t) => {
  const { store, outbox, send, time } = await createWorld(t);
  await send({ to: 'ada@example.org', username: 'Ada', code: 'ABC234' });
  await store.transaction((transaction) => outbox.enqueueDecoy(transaction, time.clock() + 10 * MINUTE));
  const [mail, decoy] = await rowsOf(store);
  assert.ok(mail && decoy);
  assert.doesNotMatch(Buffer.from(mail.sealed_mail).toString('latin1'), /ada@|Ada|ABC234/);
  const shape = ({ mail_id, sealed_mail, ...rest }: Row<'outbox'>) => [mail_id.length, sealed_mail.length, rest];
  assert.deepEqual(shape(decoy), shape(mail));
});

test('a decoy is never sent, and its row goes as well', async (t) => {
  const world = await createWorld(t);
  world.outbox.start();
  await world.store.transaction((transaction) =>
    world.outbox.enqueueDecoy(transaction, world.time.clock() + 10 * MINUTE),
  );
  await world.outbox.idle();
  assert.deepEqual(await rowsOf(world.store), []);
  await advance(world, 3 * MINUTE);
  assert.deepEqual(world.transport.attempts, []);
});

test('a mail that fails is sent later, with growing pauses, as the same mail', async (t) => {
  const time = createFakeTime();
  const begin = time.clock();
  const times: number[] = [];
  const transport = createFakeTransport((_, attempt) => {
    times.push((time.clock() - begin) / SECOND);
    return attempt < 8 ? passing() : undefined;
  });
  const world = await createWorld(t, { time, transport });
  world.outbox.start();
  await world.send();
  await world.outbox.idle();
  await advance(world, 5 * MINUTE);

  // Half of 4, 8, 16, 32, 60, 60, 60 seconds, as `random` gives 0.
  assert.deepEqual(times, [0, 2, 6, 14, 30, 60, 90, 120]);
  assert.deepEqual(await rowsOf(world.store), []);
  const [first, ...others] = transport.attempts;
  for (const other of others) assert.deepEqual(other, first);
});

test('a mail that keeps failing is given up when it would be of no use any more', async (t) => {
  const world = await createWorld(t, { transport: createFakeTransport(passing) });
  world.outbox.start();
  await world.send({ expiresAt: world.time.clock() + 20 * SECOND });
  await world.outbox.idle();
  await advance(world, MINUTE);
  assert.equal(world.transport.attempts.length, 4);
  assert.deepEqual(await rowsOf(world.store), []);
  const given = world.log.lines.filter(({ message }) => message.includes('given up'));
  assert.deepEqual(
    given.map(({ level }) => level),
    ['error'],
  );
});

test('a mail that came to its end while nobody was there to send it is not sent', async (t) => {
  const world = await createWorld(t);
  await world.send({ expiresAt: world.time.clock() + MINUTE });
  world.time.advance(MINUTE);
  world.outbox.start();
  await world.outbox.idle();
  assert.deepEqual(world.transport.attempts, []);
  assert.deepEqual(await rowsOf(world.store), []);
});

test('a refused mail is given up at once, and the others go out', async (t) => {
  const transport = createFakeTransport(({ to }) => (to.startsWith('gone') ? refused() : undefined));
  const world = await createWorld(t, { transport });
  world.outbox.start();
  await world.send({ to: 'gone@example.org' });
  await world.send({ to: 'ada@example.org' });
  await world.outbox.idle();
  await advance(world, 3 * MINUTE);
  assert.deepEqual(recipients(transport), ['gone@example.org', 'ada@example.org']);
  assert.deepEqual(await rowsOf(world.store), []);
});

test('slow mails hold up no other one, and no more than five go at once', async (t) => {
  const slow = Promise.withResolvers<void>();
  const transport = createFakeTransport(({ to }) => (to.startsWith('slow') ? slow.promise : undefined));
  const world = await createWorld(t, { transport });
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
  const world = await createWorld(t, { transport });
  world.outbox.start();
  await world.send();
  await transport.attempted(1);
  world.time.advance(2 * MINUTE);
  await world.outbox.idle();
  assert.equal(signals[0]?.aborted, true);
  await advance(world, 3 * SECOND);
  assert.equal(transport.attempts.length, 2);
  assert.deepEqual(await rowsOf(world.store), []);
});

test('workers on one database send each mail once', async (t) => {
  const time = createFakeTime();
  // Neither sends before both have taken mails.
  const bothAtWork = Promise.withResolvers<void>();
  const waiting = () => createFakeTransport(() => bothAtWork.promise);
  const one = await createWorld(t, { time, transport: waiting() });
  const secondStore = await openTestStore(t, one.store.location);
  const two = await createWorld(t, { time, transport: waiting(), store: secondStore });
  for (let n = 0; n < 40; n += 1) await one.send({ to: `person${n}@example.org` });
  one.outbox.start();
  two.outbox.start();
  await Promise.all([one.transport.attempted(1), two.transport.attempted(1)]);
  bothAtWork.resolve();
  await Promise.all([one.outbox.idle(), two.outbox.idle()]);
  await advance(one, 3 * MINUTE);
  await two.outbox.idle();

  const sent = [...recipients(one.transport), ...recipients(two.transport)];
  assert.equal(sent.length, 40);
  assert.equal(new Set(sent).size, 40);
});

test('a mail that another process left behind is found', async (t) => {
  const world = await createWorld(t);
  const dead = await createWorld(t, { time: world.time, store: await openTestStore(t, world.store.location) });
  world.outbox.start();
  await world.outbox.idle();
  await dead.send();
  assert.deepEqual(world.transport.attempts, []);
  await advance(world, MINUTE);
  assert.equal(world.transport.attempts.length, 1);
});

test('a restart sends what was waiting', async (t) => {
  const world = await createWorld(t);
  await world.send({ to: 'ada@example.org' });
  await world.send({ to: 'bob@example.org' });
  const restarted = await createWorld(t, { store: world.store, time: world.time });
  restarted.outbox.start();
  await restarted.outbox.idle();
  assert.deepEqual(recipients(restarted.transport).sort(), ['ada@example.org', 'bob@example.org']);
});

test('a mail that was on its way in a crash is sent again after its lease, as the same mail', async (t) => {
  const crashed = await createWorld(t, { transport: createFakeTransport(() => new Promise(() => {})) });
  crashed.outbox.start();
  await crashed.send();
  await crashed.transport.attempted(1);

  const time = createFakeTime(crashed.time.clock() + SECOND);
  const restarted = await createWorld(t, { store: crashed.store, time });
  restarted.outbox.start();
  await advance(restarted, MINUTE);
  assert.deepEqual(restarted.transport.attempts, []);
  await advance(restarted, 2 * MINUTE);
  assert.equal(restarted.transport.attempts.length, 1);
  assert.deepEqual(restarted.transport.attempts[0], crashed.transport.attempts[0]);
});

test('stopping waits for a mail that is being sent', async (t) => {
  const slow = Promise.withResolvers<void>();
  const world = await createWorld(t, { transport: createFakeTransport(() => slow.promise) });
  world.outbox.start();
  await world.send();
  await world.transport.attempted(1);
  const stopped = world.outbox.stop();
  assert.equal(world.transport.closed, false);
  slow.resolve();
  await stopped;
  assert.equal(world.transport.closed, true);
  assert.deepEqual(await rowsOf(world.store), []);
});

test('stopping breaks off a mail that takes too long, and the next start sends it', async (t) => {
  const world = await createWorld(t, { transport: createFakeTransport(() => new Promise(() => {})) });
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

  const restarted = await createWorld(t, { store: world.store, time: world.time });
  restarted.outbox.start();
  await advance(restarted, 5 * SECOND);
  assert.equal(restarted.transport.attempts.length, 1);
});

test('after stopping, nothing is begun', async (t) => {
  const world = await createWorld(t);
  world.outbox.start();
  await world.outbox.stop();
  await world.send();
  world.time.advance(5 * MINUTE);
  await world.outbox.idle();
  assert.deepEqual(world.transport.attempts, []);
  assert.equal((await rowsOf(world.store)).length, 1);
});

test('a row sealed under another master key is dropped with a word, and the others go out', async (t) => {
  const other = await createWorld(t, { key: randomBytes(32) });
  await other.send({ to: 'lost@example.org' });
  const world = await createWorld(t, { store: other.store, time: other.time });
  await world.send({ to: 'ada@example.org' });
  world.outbox.start();
  await world.outbox.idle();
  assert.deepEqual(recipients(world.transport), ['ada@example.org']);
  assert.deepEqual(await rowsOf(world.store), []);
  assert.match(world.log.text(), /sealed under another master key/);
});

/** A store that fails while the test says so. */
function failingStore(store: Store): Store & { failing: boolean } {
  const state = { failing: false };
  const transaction: Store['transaction'] = (work) =>
    state.failing ? Promise.reject(new Error('cannot write K7M4PX')) : store.transaction(work);
  return Object.assign(state, { ...store, transaction });
}

test('the worker outlives a database that cannot be read', async (t) => {
  const store = failingStore(await openTestStore(t));
  const world = await createWorld(t, { store });
  await world.send();
  store.failing = true;
  world.outbox.start();
  await world.outbox.idle();
  assert.match(world.log.text(), /cannot be read/);
  store.failing = false;
  await advance(world, 5 * SECOND);
  assert.equal(world.transport.attempts.length, 1);
});

test('a mail that was accepted is not sent again because the database failed then', async (t) => {
  const store = failingStore(await openTestStore(t));
  const delivery = Promise.withResolvers<void>();
  const world = await createWorld(t, { store, transport: createFakeTransport(() => delivery.promise) });
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
  assert.deepEqual(await rowsOf(world.store), []);
  assert.equal(world.transport.attempts.length, 1);
});

test('no log line holds an address, a name, a code or what went wrong in words', async (t) => {
  const outcomes = [
    () => undefined,
    passing,
    refused,
    () => Promise.reject(new Error('no mailbox for ada@example.org, Ada Lovelace, K7M4PX')),
  ];
  const transport = createFakeTransport((_, attempt) => outcomes[attempt % outcomes.length]?.());
  const world = await createWorld(t, { transport });
  world.outbox.start();
  for (let n = 0; n < 8; n += 1) {
    await world.send({ to: 'ada@example.org', username: 'Ada Lovelace', code: 'K7M4PX' });
    await world.outbox.idle();
  }
  await advance(world, 11 * MINUTE);
  assert.ok(world.log.lines.length > 10);
  assert.doesNotMatch(world.log.text(), /ada@|example|Ada|Lovelace|K7M4PX/i);
});

test('the settings are checked before anything is sent', async (t) => {
  const store = await openTestStore(t);
  const create = (sender: string) =>
    createOutbox({
      store,
      sealingKey,
      transport: createFakeTransport(),
      settings: { ...mailSettings, sender },
      // Compiles only while pino's logger is enough.
      log: pino({ enabled: false }),
      clock: Date.now,
    });
  assert.throws(() => create('nobody'), /one address/);
  assert.ok(create('Some Service <vws@example.org>'));
});
