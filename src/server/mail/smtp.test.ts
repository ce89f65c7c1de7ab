// SmtpTransport against a real SMTP server: TLS, logins, failures, injection.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createMemoryLog, mailSettings, recoveryMail } from '../../../test/support/mailFixtures.ts';
import { createOutboxHarnessWith, MINUTE_MS, SECOND_MS } from '../../../test/support/outboxHarness.ts';
import { CERTIFICATE_FILE, type SmtpServerOptions, startSmtpServer } from '../../../test/support/smtp.ts';
import type { CodeMail } from '../store/outbox.ts';
import { parseSender } from './address.ts';
import { DeliveryError, type MailMessage } from './mail.ts';
import { composeMail } from './message.ts';
import { type SmtpSettings, SmtpTransport } from './smtp.ts';

const CREATED_AT = Date.UTC(2026, 10, 22, 14, 22);
const never = new AbortController().signal;
const login = { username: 'vws', password: 'the password of the relay' };

function message(changes: Partial<CodeMail> = {}, settings = mailSettings): MailMessage {
  const mail = recoveryMail({ expiresAt: CREATED_AT + 600_000, ...changes });
  return composeMail({ kind: 'recovery', mail }, settings, parseSender(settings), randomBytes(16), CREATED_AT);
}

async function startServer(t: TestContext, options: SmtpServerOptions) {
  const server = await startSmtpServer(options);
  t.after(() => server.stop());
  return server;
}

function createTransport(t: TestContext, port: number, changes: Partial<SmtpSettings> = {}) {
  const log = createMemoryLog();
  const settings = {
    server: 'localhost',
    port,
    useStartTls: false,
    useSsl: false,
    caFile: CERTIFICATE_FILE,
    ...changes,
  };
  const transport = new SmtpTransport(settings, log);
  t.after(() => transport.close());
  return Object.assign(transport, { log });
}

/** Asserts the failure of a delivery, and that the error contains nothing secret. */
async function expectFailure(delivery: Promise<void>, permanent: boolean, reason: RegExp): Promise<void> {
  await assert.rejects(delivery, (error) => {
    assert.ok(error instanceof DeliveryError);
    assert.equal(error.permanent, permanent, error.message);
    assert.match(error.message, reason);
    assert.equal(error.cause, undefined);
    assert.doesNotMatch(error.message, /example\.org|password|K7M4PX/i);
    return true;
  });
}

test('plain: the email arrives complete, and STARTTLS is not tried', async (t) => {
  const server = await startServer(t, { mode: 'plain' });
  const sent = message();
  await createTransport(t, server.port).deliver(sent, never);

  const received = await server.waitForMail();
  assert.equal(received.encrypted, false);
  assert.equal(received.sender, 'vws@example.org');
  assert.deepEqual(received.recipients, ['ada@example.org']);
  assert.equal(received.header('from'), 'VWS <vws@example.org>');
  assert.equal(received.header('to'), 'ada@example.org');
  assert.equal(received.header('message-id'), sent.messageId);
  assert.equal(received.header('date'), 'Sun, 22 Nov 2026 14:22:00 +0000');
  assert.equal(received.header('auto-submitted'), 'auto-generated');
  assert.equal(received.subject, mailSettings.subject);
  assert.equal(received.text, sent.text);
  assert.equal(received.html, sent.html);
});

test('plain: a server that offers STARTTLS with an untrusted certificate gets the email unencrypted', async (t) => {
  const server = await startServer(t, { mode: 'starttls' });
  await createTransport(t, server.port, { caFile: undefined }).deliver(message(), never);
  assert.equal((await server.waitForMail()).encrypted, false);
});

test('STARTTLS: the email is encrypted in transit', async (t) => {
  const server = await startServer(t, { mode: 'starttls' });
  await createTransport(t, server.port, { useStartTls: true }).deliver(message(), never);
  assert.equal((await server.waitForMail()).encrypted, true);
});

test('STARTTLS: a server that does not offer it gets neither mail nor password', async (t) => {
  const server = await startServer(t, { mode: 'plain', auth: login });
  const transport = createTransport(t, server.port, { useStartTls: true, ...login, password: 'wrong' });
  await expectFailure(transport.deliver(message(), never), false, /^ETLS/);
  assert.equal(server.mails.length, 0);
  assert.equal(server.refusedLogins, 0);
});

test('TLS: the email is encrypted in transit', async (t) => {
  const server = await startServer(t, { mode: 'tls' });
  await createTransport(t, server.port, { useSsl: true }).deliver(message(), never);
  assert.equal((await server.waitForMail()).encrypted, true);
});

for (const { mode, tls } of [
  { mode: 'tls', tls: { useSsl: true } },
  { mode: 'starttls', tls: { useStartTls: true } },
] as const) {
  test(`${mode}: an untrusted certificate and one of another host are rejected`, async (t) => {
    const server = await startServer(t, { mode });
    const unknown = createTransport(t, server.port, { ...tls, caFile: undefined });
    await expectFailure(unknown.deliver(message(), never), false, /SELF_SIGNED_CERT/);
    const misnamed = createTransport(t, server.port, { ...tls, server: '0.0.0.0' });
    await expectFailure(misnamed.deliver(message(), never), false, /CERT_ALTNAME_INVALID/);
    assert.equal(server.mails.length, 0);
  });
}

test('with a login', async (t) => {
  const server = await startServer(t, { mode: 'starttls', auth: login });
  await createTransport(t, server.port, { useStartTls: true, ...login }).deliver(message(), never);
  assert.equal((await server.waitForMail()).user, 'vws');
});

test('a wrong login is not a permanent failure of the email', async (t) => {
  const server = await startServer(t, { mode: 'starttls', auth: login });
  const wrong = createTransport(t, server.port, { useStartTls: true, ...login, password: 'wrong' });
  await expectFailure(wrong.deliver(message(), never), false, /^EAUTH.* 535/);
  assert.equal(server.refusedLogins, 1);
  const none = createTransport(t, server.port, { useStartTls: true });
  await expectFailure(none.deliver(message(), never), false, / 530/);
  assert.equal(server.mails.length, 0);
});

test('a rejected recipient is permanent with a 5xx reply, temporary with 4xx; the connection stays usable', async (t) => {
  const refuse = (recipient: string) => ({ gone: 550, busy: 450, relay: 530 })[recipient.split('@')[0] ?? ''];
  const server = await startServer(t, { mode: 'plain', refuse });
  const transport = createTransport(t, server.port);
  await expectFailure(transport.deliver(message({ to: 'gone@example.org' }), never), true, / RCPT TO 550/);
  await expectFailure(transport.deliver(message({ to: 'busy@example.org' }), never), false, / RCPT TO 450/);
  await expectFailure(transport.deliver(message({ to: 'relay@example.org' }), never), false, / RCPT TO 530/);
  await transport.deliver(message(), never);
  assert.deepEqual((await server.waitForMail()).recipients, ['ada@example.org']);
});

test('an attempt is not repeated by the transport', async (t) => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const transport = createTransport(t, (server.address() as { port: number }).port);
  await expectFailure(transport.deliver(message(), never), false, /ECONNECTION|ESOCKET/);
  assert.equal(connections, 1);
});

test('a greeting with 554 is not a permanent failure of the email', async (t) => {
  const server = createServer((socket) => socket.end('554 no service for example.org\r\n')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const transport = createTransport(t, (server.address() as { port: number }).port);
  await expectFailure(transport.deliver(message(), never), false, / 554/);
});

test('an aborted delivery ends immediately, and others continue', async (t) => {
  const held = Promise.withResolvers<void>();
  const isHeld = Promise.withResolvers<void>();
  const hold = (recipient: string) => {
    if (!recipient.startsWith('slow')) return undefined;
    isHeld.resolve();
    return held.promise;
  };
  const server = await startServer(t, { mode: 'plain', hold });
  const transport = createTransport(t, server.port);
  const abort = new AbortController();
  const slow = expectFailure(transport.deliver(message({ to: 'slow@example.org' }), abort.signal), false, /EABORT/);
  await isHeld.promise;
  await transport.deliver(message(), never);
  abort.abort();
  await slow;
  await transport.deliver(message(), never);
  held.resolve();
  assert.equal(server.mails.length, 2);
});

test('a login without encryption is logged as a warning, except on the loopback interface', async (t) => {
  const warnings = (changes: Partial<SmtpSettings>) => createTransport(t, 25, changes).log.lines.length;
  assert.equal(warnings({ server: 'mail.example.org', ...login }), 1);
  assert.equal(warnings({ server: 'mail.example.org', ...login, useStartTls: true }), 0);
  assert.equal(warnings({ server: 'mail.example.org', ...login, useSsl: true }), 0);
  for (const server of ['localhost', '127.0.0.1', '::1']) assert.equal(warnings({ server, ...login }), 0);
});

test('addresses and names of any script arrive', async (t) => {
  const server = await startServer(t, { mode: 'plain' });
  const settings = { ...mailSettings, senderName: 'Тайник', subject: 'Код для нового пароля' };
  await createTransport(t, server.port).deliver(message({ to: 'зоя@example.org' }, settings), never);
  const received = await server.waitForMail();
  assert.deepEqual(received.recipients, ['зоя@example.org']);
  assert.match(received.header('from'), /^"?Тайник"? <vws@example\.org>$/);
  assert.equal(received.subject, 'Код для нового пароля');
  assert.match(received.text, /your Тайник account/);
  assert.match(received.source, /^K7M4PX\r$/m);
});

test('no setting, name or code can inject a field, a recipient or a part', async (t) => {
  const server = await startServer(t, { mode: 'plain' });
  const transport = createTransport(t, server.port);
  const evil = 'x\r\nBcc: eve@example.org\r\nX-Evil: 1\r\n\r\nbody\r\n.\r\nMAIL FROM:<eve@example.org>\r\n';
  const harmless = message();
  await transport.deliver(harmless, never);
  const { headerNames } = await server.waitForMail();
  const variants: MailMessage[] = [
    { ...harmless, ...message({ code: evil }, { ...mailSettings, subject: evil }) },
    { ...harmless, from: { name: evil, address: 'vws@example.org' } },
    { ...harmless, subject: evil, messageId: `<${evil}@example.org>` },
  ];
  for (const variant of variants) await transport.deliver(variant, never);
  assert.equal(server.mails.length, 1 + variants.length);
  for (const mail of server.mails) {
    assert.deepEqual(mail.headerNames, headerNames);
    assert.deepEqual(mail.recipients, ['ada@example.org']);
    assert.equal(mail.sender, 'vws@example.org');
  }
});

test('no email is sent to a recipient that is not one plain address', async (t) => {
  const server = await startServer(t, { mode: 'plain' });
  const transport = createTransport(t, server.port);
  for (const to of [
    'ada@example.org>\r\nRCPT TO:<eve@example.org',
    'ada@example.org\r\nBcc: eve@example.org',
    'ada@example.org, eve@example.org',
    'Ada <ada@example.org>',
    'ada',
    '',
  ]) {
    await expectFailure(transport.deliver(message({ to }), never), true, /not a plain address/);
  }
  assert.deepEqual(server.mails, []);
});

/** Starts an outbox with a real connection. */
async function createHarness(t: TestContext, port: number, changes: Partial<SmtpSettings> = {}) {
  const harness = await createOutboxHarnessWith(t, { transport: createTransport(t, port, changes) });
  harness.outbox.start();
  t.after(() => harness.outbox.stop());
  return harness;
}

test('a server that was down gets the email once', async (t) => {
  const before = await startSmtpServer({ mode: 'plain' });
  await before.stop();
  const { outbox, send, advance, log } = await createHarness(t, before.port);
  await send();
  await outbox.idle();
  await advance(10 * SECOND_MS);
  assert.match(log.text(), /ECONNREFUSED/);

  const server = await startServer(t, { mode: 'plain', port: before.port });
  await advance(300 * SECOND_MS);
  assert.equal(server.mails.length, 1);
});

test('a slow recipient does not delay other emails, and gets one email', async (t) => {
  const held = Promise.withResolvers<void>();
  const server = await startServer(t, {
    mode: 'plain',
    hold: (recipient) => (recipient.startsWith('slow') ? held.promise : undefined),
  });
  const { outbox, send } = await createHarness(t, server.port);
  await send({ to: 'slow@example.org' });
  await send({ to: 'ada@example.org' });
  await server.waitForMail(({ recipients }) => recipients.includes('ada@example.org'));
  assert.equal(server.mails.length, 1);
  held.resolve();
  await outbox.idle();
  assert.deepEqual(
    server.mails.map(({ recipients }) => recipients[0]),
    ['ada@example.org', 'slow@example.org'],
  );
});

test('with a wrong login an email is retried until it expires; the log has the reason and no secret', async (t) => {
  const server = await startServer(t, { mode: 'starttls', auth: login });
  const { outbox, send, advance, log, time } = await createHarness(t, server.port, {
    useStartTls: true,
    username: 'vws',
    password: 'wrong password',
  });
  await send({ expiresAt: time.clock() + MINUTE_MS });
  await outbox.idle();
  await advance(20 * SECOND_MS);
  assert.equal(server.refusedLogins, 4);
  await advance(60 * SECOND_MS);
  assert.equal(server.mails.length, 0);
  assert.match(log.text(), /EAUTH/);
  assert.match(log.text(), /email dropped/);
  assert.doesNotMatch(log.text(), /wrong password|example\.org|Ada|K7M4PX/);
});

test('an email whose acceptance is unknown is sent again with the same Message-ID', async (t) => {
  let lost = 0;
  const server = await startServer(t, { mode: 'plain', loseReply: () => lost++ === 0 });
  const { outbox, send, advance } = await createHarness(t, server.port);
  await send();
  await outbox.idle();
  assert.equal(server.mails.length, 1);
  await advance(300 * SECOND_MS);
  assert.equal(server.mails.length, 2);
  const [first, second] = server.mails;
  for (const name of ['message-id', 'date']) assert.equal(second?.header(name), first?.header(name));
  assert.equal(second?.text, first?.text);
});
