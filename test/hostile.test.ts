/** Clients that are slow, broken or worse: the others are served all the same. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { expectDelivered, expectFailure } from './support/expect.ts';
import { newPassword, newPerson, type Person, register } from './support/people.ts';
import { residentMemory } from './support/processMemory.ts';
import { startServer } from './support/server.ts';
import { closed, converse, openSocket } from './support/sockets.ts';
import { postgresUrl } from './support/store.ts';
import { Suite1Client } from './support/suite1Client.ts';

/** More for a longer look; the process must be allowed to have so many files open. */
const IDLE_CONNECTIONS = Number(process.env.VWS_IDLE_CONNECTIONS || 2_000);
/** Files that the test and the server have open beside the connections. */
const OTHER_FILES = 200;
const SLOW_CLIENTS = 150;
/** The server gives a head 15 seconds and looks every 5. */
const SLOW_HEAD_PATIENCE_MILLISECONDS = 35_000;
/** Nobody is served so slowly because of others, not even on a busy machine. */
const HELD_UP_MILLISECONDS = 4_000;
const MEGABYTE = 1024 * 1024;

/** Says how long a good client takes for a letter to itself. */
async function serveSomebody(client: Suite1Client, { username }: Person): Promise<number> {
  const begun = performance.now();
  await expectDelivered(client, client, username);
  return performance.now() - begun;
}

function maxOpenFiles(): number {
  const { userLimits } = process.report.getReport() as unknown as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}

/** They take their time, and no database has to do with it. */
const skip = postgresUrl ? 'the same on every database' : false;

describe('connections', { concurrency: true, skip }, () => {
  test('slow and half-open ones hold up nobody, and slow heads are closed', async (t) => {
    const server = await startServer(t);
    const person = newPerson();
    const client = await register(server, person);
    const heads = await Promise.all(Array.from({ length: SLOW_CLIENTS }, () => openSocket(t, server.url)));
    for (const [index, head] of heads.entries()) {
      if (index % 3 > 0) head.write('POST /login_user HTTP/1.1\r\nHost: slow\r\nX-Slow: ');
      // Half-open: it will send nothing more and still wants its answer.
      if (index % 3 > 1) head.end();
    }
    const bodies = await Promise.all(heads.map(() => openSocket(t, server.url)));
    for (const [index, body] of bodies.entries()) {
      const target = index % 2 === 0 ? '/login_user' : '/encrypt/John Doe';
      body.write(`POST ${target} HTTP/1.1\r\nHost: slow\r\nContent-Length: 1000\r\n\r\n{"session_key":`);
    }
    assert.ok((await serveSomebody(client, person)) < HELD_UP_MILLISECONDS);
    const ends = await Promise.all(heads.map((head) => closed(head, SLOW_HEAD_PATIENCE_MILLISECONDS)));
    assert.ok(ends.every(Boolean), `${ends.filter((end) => !end).length} slow heads are still open`);
    assert.ok((await serveSomebody(client, person)) < HELD_UP_MILLISECONDS);
    // How the server ends while they are there is another test's concern.
    for (const body of bodies) body.destroy();
  });

  test('thousands of idle ones hold up nobody', async (t) => {
    const count = Math.min(IDLE_CONNECTIONS, maxOpenFiles() - OTHER_FILES);
    const server = await startServer(t);
    const person = newPerson();
    const client = await register(server, person);
    for (let opened = 0; opened < count; opened += 100) {
      await Promise.all(Array.from({ length: Math.min(100, count - opened) }, () => openSocket(t, server.url)));
    }
    assert.ok((await serveSomebody(client, person)) < HELD_UP_MILLISECONDS);
    t.diagnostic(`${count} connections`);
  });
});

test('bodies and heads that are too big are refused, and the server is well', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);
  const refused = /^(?:HTTP\/1\.1 (?:400|413|431) |$)/;

  await t.test('a length that says so', async () => {
    const head = `POST /login_user HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${100 * MEGABYTE}\r\n\r\n`;
    assert.match(await converse(t, server.url, `${head}{`), /^HTTP\/1\.1 413 /);
  });

  await t.test('chunks without end', async () => {
    const chunk = `${MEGABYTE.toString(16)}\r\n${' '.repeat(MEGABYTE)}\r\n`;
    const head = 'POST /encrypt/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    assert.match(await converse(t, server.url, head + chunk.repeat(20)), refused);
  });

  await t.test('a head', async () => {
    const head = `POST /login_user HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(MEGABYTE)}\r\n\r\n`;
    assert.match(await converse(t, server.url, head), refused);
  });

  await t.test('a request line with spaces, and what follows it', async () => {
    const head = `POST /encrypt/John Doe HTTP/1.1\r\nHost: x\r\nContent-Length: ${100 * MEGABYTE}\r\n\r\n`;
    assert.match(await converse(t, server.url, `${head}{`), refused);
    const endless = `POST /encrypt/John Doe HTTP/1.1\r\nX-Big: ${'x'.repeat(MEGABYTE)}`;
    assert.match(await converse(t, server.url, endless), refused);
  });

  await t.test('a text: the session goes on', async () => {
    const answer = await client.encrypt(person.username, 'x'.repeat(MEGABYTE + 1));
    expectFailure(answer, 201, 'Error server');
  });

  await serveSomebody(client, person);
  const memory = residentMemory(server.dataDir) ?? 0;
  assert.ok(memory < 600 * MEGABYTE, `the server has grown to ${Math.round(memory / MEGABYTE)} MiB`);
});

test('garbage behind a good request costs the connection and nobody else', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);
  const good = 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n';
  const garbage = ['\0\x01\x02\r\n\r\n', 'POST', 'GET / HTTP/9.9\r\n\r\n', `${'x'.repeat(100_000)}\r\n\r\n`];
  for (const bytes of [...garbage, `${good.repeat(200)}\r\n\r\n?`]) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => converse(t, server.url, Buffer.from(`${good}${bytes}\r\n\r\n`, 'latin1'))),
    );
    for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 (?:200|400|431) /);
  }
  await serveSomebody(client, person);
});

/** Unicode text that takes a time with the square of its length to normalise where nobody looks at the length first. */
const COMBINING_MARKS = `a${'\u0301\u0323'.repeat(60_000)}`;

test('a long text in a short field holds up nobody', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);
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
    await t.test(`${path}: ${Object.keys(fields).find((name) => fields[name]?.includes('\u0301'))}`, async () => {
      const hostile = await Suite1Client.handshake(server);
      let answered = false;
      const request = hostile.send(hostile.prepare(path, fields)).finally(() => {
        answered = true;
      });
      let took = 0;
      while (!answered) took = Math.max(took, await serveSomebody(client, person));
      const answer = await request;
      assert.ok(answer.status < 500, answer.text);
      assert.ok(took < HELD_UP_MILLISECONDS, `the others waited ${Math.round(took)} ms`);
    });
  }
});
