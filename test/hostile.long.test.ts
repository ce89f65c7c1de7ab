// Slow, half-open and idle connections do not delay other clients.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectServed } from './support/expect.ts';
import { newPerson, register } from './support/people.ts';
import { startServer } from './support/server.ts';
import { closed, openSocket } from './support/sockets.ts';

/** A longer run may open more; the limit of open files must allow it. */
const IDLE_CONNECTIONS = Number(process.env.VWS_IDLE_CONNECTIONS || 2_000);
/** Open files of the test and the server in addition to these connections. */
const OTHER_FILES = 600;
const SLOW_CLIENTS = 150;
/** The server allows 15 seconds for a head and checks every 5. */
const SLOW_HEAD_TIMEOUT_MS = 60_000;

function maxOpenFiles(): number {
  const { userLimits } = process.report.getReport() as unknown as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}

test('slow, half-open and idle connections do not delay other clients, and slow heads are closed', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);
  const open = (count: number) => Promise.all(Array.from({ length: count }, () => openSocket(t, server.url)));

  const idle = Math.min(IDLE_CONNECTIONS, maxOpenFiles() - OTHER_FILES);
  for (let opened = 0; opened < idle; opened += 100) await open(Math.min(100, idle - opened));
  t.diagnostic(`${idle} idle connections`);
  const heads = await open(SLOW_CLIENTS);
  for (const [index, head] of heads.entries()) {
    if (index % 3 > 0) head.write('POST /login_user HTTP/1.1\r\nHost: slow\r\nX-Slow: ');
    // Half-open: the client sends nothing more and still waits for a response.
    if (index % 3 > 1) head.end();
  }
  const bodies = await open(SLOW_CLIENTS);
  for (const [index, body] of bodies.entries()) {
    const target = index % 2 === 0 ? '/login_user' : '/encrypt/John Doe';
    body.write(`POST ${target} HTTP/1.1\r\nHost: slow\r\nContent-Length: 1000\r\n\r\n{"session_key":`);
  }
  await expectServed(client, person);
  const ends = await Promise.all(heads.map((head) => closed(head, SLOW_HEAD_TIMEOUT_MS)));
  assert.ok(ends.every(Boolean), `${ends.filter((end) => !end).length} slow heads are still open`);
  await expectServed(client, person);
  // How the server stops with open requests is shown by shutdown.test.ts.
  for (const body of bodies) body.destroy();
});
