// Oversized and malformed input is refused and does not delay other clients.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectFailure, expectServed } from './support/expect.ts';
import { newPassword, newPerson, register } from './support/people.ts';
import { residentMemory } from './support/processMemory.ts';
import { startServer } from './support/server.ts';
import { converse } from './support/sockets.ts';
import { Suite1Client } from './support/suite1Client.ts';

const MEGABYTE = 1024 * 1024;
/** Normalizing this text takes quadratic time unless its length is checked first. */
const COMBINING_MARKS = `a${'\u0301\u0323'.repeat(60_000)}`;

test('hostile requests', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);
  const refused = /^(?:HTTP\/1\.1 (?:400|413|431) |$)/;

  await t.test('a Content-Length of 100 MiB: 413', async () => {
    const head = `POST /login_user HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${100 * MEGABYTE}\r\n\r\n`;
    assert.match(await converse(t, server.url, `${head}{`), /^HTTP\/1\.1 413 /);
  });

  await t.test('20 MiB in chunks: refused', async () => {
    const chunk = `${MEGABYTE.toString(16)}\r\n${' '.repeat(MEGABYTE)}\r\n`;
    const head = 'POST /encrypt/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';
    assert.match(await converse(t, server.url, head + chunk.repeat(20)), refused);
  });

  await t.test('a head of 1 MiB: refused', async () => {
    const head = `POST /login_user HTTP/1.1\r\nHost: localhost\r\nX-Big: ${'x'.repeat(MEGABYTE)}\r\n\r\n`;
    assert.match(await converse(t, server.url, head), refused);
  });

  await t.test('an oversized body or head after a request line with spaces: refused', async () => {
    const head = `POST /encrypt/John Doe HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${100 * MEGABYTE}\r\n\r\n`;
    assert.match(await converse(t, server.url, `${head}{`), refused);
    const endless = `POST /encrypt/John Doe HTTP/1.1\r\nX-Big: ${'x'.repeat(MEGABYTE)}`;
    assert.match(await converse(t, server.url, endless), refused);
  });

  await t.test('a text above the limit: an error, and the session continues', async () => {
    const answer = await client.encrypt(person.username, 'x'.repeat(MEGABYTE + 1));
    expectFailure(answer, 201, 'Error server');
  });

  await t.test('garbage after a valid request: closes only that connection', async () => {
    const good = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const garbage = ['\0\x01\x02\r\n\r\n', 'POST', 'GET / HTTP/9.9\r\n\r\n', `${'x'.repeat(100_000)}\r\n\r\n`];
    for (const bytes of [...garbage, `${good.repeat(4)}\r\n\r\n?`]) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => converse(t, server.url, Buffer.from(`${good}${bytes}\r\n\r\n`, 'latin1'))),
      );
      for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 (?:200|400|431) /);
    }
    await expectServed(client, person);
  });

  const requests: [path: string, fields: Record<string, string>][] = [
    ['/register_user', { ...newPerson(), username: COMBINING_MARKS }],
    ['/register_user', { ...newPerson(), email: `${COMBINING_MARKS}@example.org` }],
    ['/register_user', { ...newPerson(), password: COMBINING_MARKS }],
    ['/login_user', { email: COMBINING_MARKS, password: newPassword() }],
    ['/login_user', { email: person.email, password: COMBINING_MARKS }],
    ['/forgot_password', { email: COMBINING_MARKS }],
    ['/confirm_forgot_password', { code: COMBINING_MARKS }],
  ];
  for (const [path, fields] of requests) {
    await t.test(
      `${path}: a long text in ${Object.keys(fields).find((name) => fields[name]?.includes('\u0301'))} delays no other client`,
      async () => {
        const hostile = await Suite1Client.handshake(server);
        let answered = false;
        const request = hostile.send(hostile.prepare(path, fields)).finally(() => {
          answered = true;
        });
        while (!answered) await expectServed(client, person);
        const answer = await request;
        assert.ok(answer.status < 500, answer.text);
      },
    );
  }

  const memory = residentMemory(server.dataDir) ?? 0;
  assert.ok(memory < 600 * MEGABYTE, `the server has grown to ${Math.round(memory / MEGABYTE)} MiB`);
});
