// Outbox: transactions, retries, expiry, decoys, log lines.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { pino } from 'pino';
import { createFakeTime } from '../../../test/support/fakeTime.ts';
import { createFakeTransport, mailSettings, openTestStore, recoveryMail } from '../../../test/support/mailFixtures.ts';
import { createOutboxHarness, MINUTE_MS, recipients, SECOND_MS } from '../../../test/support/outboxHarness.ts';
import type { Row } from '../store/schema.ts';
import { DeliveryError } from './mail.ts';
import { Outbox } from './outbox.ts';

const passing = () => Promise.reject(new DeliveryError('450', false));
const refused = () => Promise.reject(new DeliveryError('550', true));

test('a committed mail is sent immediately, and its row is deleted', async (t) => {
  const harness = await createOutboxHarness(t);
  harness.outbox.start();
  await harness.outbox.idle();
  await harness.send({ to: 'ada@example.org', code: 'ABC234' });
  await harness.outbox.idle();

  assert.deepEqual(recipients(harness.transport), ['ada@example.org']);
  assert.match(harness.transport.attempts[0]?.text ?? '', /^ABC234$/m);
  assert.deepEqual(await harness.rows(), []);
});

test('an email whose transaction is rolled back is never sent', async (t) => {
  const harness = await createOutboxHarness(t);
  harness.outbox.start();
  const broken = harness.store.transaction(async (transaction) => {
    await harness.outbox.enqueue(transaction, recoveryMail({ expiresAt: harness.time.clock() + MINUTE_MS }));
    throw new Error('rolled back');
  });
  await assert.rejects(broken, /rolled back/);
  await harness.advance(2 * MINUTE_MS);
  assert.deepEqual(harness.transport.attempts, []);
});

test('a row reveals neither address nor code, and a decoy looks like an email', async (t) => {
  const { store, outbox, send, time, rows } = await createOutboxHarness(t);
  await send({ to: 'ada@example.org', code: 'ABC234' });
  await store.transaction((transaction) => outbox.enqueueDecoy(transaction, time.clock() + 10 * MINUTE_MS));
  const [mail, decoy] = await rows();
  assert.ok(mail && decoy);
  assert.doesNotMatch(Buffer.from(mail.sealed_mail).toString('latin1'), /ada@|Ada|ABC234/);
  const shape = ({ mail_id, sealed_mail, ...rest }: Row<'outbox'>) => [mail_id.length, sealed_mail.length, rest];
  assert.deepEqual(shape(decoy), shape(mail));
});

test('a decoy is never sent, and its row is deleted', async (t) => {
  const harness = await createOutboxHarness(t);
  harness.outbox.start();
  await harness.store.transaction((transaction) =>
    harness.outbox.enqueueDecoy(transaction, harness.time.clock() + 10 * MINUTE_MS),
  );
  await harness.outbox.idle();
  assert.deepEqual(await harness.rows(), []);
  await harness.advance(3 * MINUTE_MS);
  assert.deepEqual(harness.transport.attempts, []);
});

test('a failed mail is retried with growing delays, as the same email', async (t) => {
  const time = createFakeTime();
  const begin = time.clock();
  const times: number[] = [];
  const transport = createFakeTransport((_, attempt) => {
    times.push((time.clock() - begin) / SECOND_MS);
    return attempt < 8 ? passing() : undefined;
  });
  const harness = await createOutboxHarness(t, { time, transport });
  harness.outbox.start();
  await harness.send();
  await harness.outbox.idle();
  await harness.advance(5 * MINUTE_MS);

  // Half of 4, 8, 16, 32, 60, 60, 60 seconds, because `random` returns 0.
  assert.deepEqual(times, [0, 2, 6, 14, 30, 60, 90, 120]);
  assert.deepEqual(await harness.rows(), []);
  const [first, ...others] = transport.attempts;
  for (const other of others) assert.deepEqual(other, first);
});

test('an email that keeps failing is dropped when it expires', async (t) => {
  const harness = await createOutboxHarness(t, { transport: createFakeTransport(passing) });
  harness.outbox.start();
  await harness.send({ expiresAt: harness.time.clock() + 20 * SECOND_MS });
  await harness.outbox.idle();
  await harness.advance(MINUTE_MS);
  assert.equal(harness.transport.attempts.length, 4);
  assert.deepEqual(await harness.rows(), []);
  const drops = harness.log.lines.filter(({ message }) => message.includes('email dropped'));
  assert.deepEqual(
    drops.map(({ level }) => level),
    ['error'],
  );
});

test('an email that expired while no worker ran is not sent', async (t) => {
  const harness = await createOutboxHarness(t);
  await harness.send({ expiresAt: harness.time.clock() + MINUTE_MS });
  harness.time.advance(MINUTE_MS);
  harness.outbox.start();
  await harness.outbox.idle();
  assert.deepEqual(harness.transport.attempts, []);
  assert.deepEqual(await harness.rows(), []);
});

test('a rejected mail is dropped immediately, and the others are sent', async (t) => {
  const transport = createFakeTransport(({ to }) => (to.startsWith('gone') ? refused() : undefined));
  const harness = await createOutboxHarness(t, { transport });
  harness.outbox.start();
  await harness.send({ to: 'gone@example.org' });
  await harness.send({ to: 'ada@example.org' });
  await harness.outbox.idle();
  await harness.advance(3 * MINUTE_MS);
  assert.deepEqual(recipients(transport), ['gone@example.org', 'ada@example.org']);
  assert.deepEqual(await harness.rows(), []);
});

test('a restart sends the waiting emails', async (t) => {
  const harness = await createOutboxHarness(t);
  await harness.send({ to: 'ada@example.org' });
  await harness.send({ to: 'bob@example.org' });
  const restarted = await createOutboxHarness(t, { store: harness.store, time: harness.time });
  restarted.outbox.start();
  await restarted.outbox.idle();
  assert.deepEqual(recipients(restarted.transport).sort(), ['ada@example.org', 'bob@example.org']);
});

test('a row encrypted under another master key is dropped and logged, and the others are sent', async (t) => {
  const other = await createOutboxHarness(t, { key: randomBytes(32) });
  await other.send({ to: 'lost@example.org' });
  const harness = await createOutboxHarness(t, { store: other.store, time: other.time });
  await harness.send({ to: 'ada@example.org' });
  harness.outbox.start();
  await harness.outbox.idle();
  assert.deepEqual(recipients(harness.transport), ['ada@example.org']);
  assert.deepEqual(await harness.rows(), []);
  assert.match(harness.log.text(), /encrypted under another master key/);
});

test('log lines contain no address, name, code or error message', async (t) => {
  const outcomes = [
    () => undefined,
    passing,
    refused,
    () => Promise.reject(new Error('no mailbox for ada@example.org, Ada Lovelace, K7M4PX')),
  ];
  const transport = createFakeTransport((_, attempt) => outcomes[attempt % outcomes.length]?.());
  const harness = await createOutboxHarness(t, { transport });
  harness.outbox.start();
  for (let n = 0; n < 8; n += 1) {
    await harness.send({ to: 'ada@example.org', code: 'K7M4PX' });
    await harness.outbox.idle();
  }
  await harness.advance(11 * MINUTE_MS);
  assert.ok(harness.log.lines.length > 10);
  assert.doesNotMatch(harness.log.text(), /ada@|example|Ada |Lovelace|K7M4PX/i);
});

test('the sender in the settings is checked at the start', async (t) => {
  const store = await openTestStore(t);
  const create = (sender: string) =>
    new Outbox({
      store,
      sealingKey: randomBytes(32),
      transport: createFakeTransport(),
      settings: { ...mailSettings, sender },
      // Compiles only if pino's logger is a MailLog.
      log: pino({ enabled: false }),
      clock: Date.now,
    });
  assert.throws(() => create('no address'), /one address/);
  assert.ok(create('Some Service <vws@example.org>'));
});
