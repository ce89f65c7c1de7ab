// The limit on requests of one connection that wait for their responses.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createTestHttpServer } from '../../../test/support/httpServer.ts';
import { closed, converse, openSocket } from '../../../test/support/sockets.ts';
import { MAX_UNANSWERED_REQUESTS } from './pipelining.ts';

const READY = 'GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n';
const LAST = READY.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');

/** A server whose `/health/ready` waits, and the number of requests that were and are being executed. */
async function startSlowServer(t: TestContext) {
  const work = { started: 0, running: 0, mostRunning: 0 };
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  // Before the server is closed, which waits for its requests.
  t.after(() => released.resolve());
  const { app } = await createTestHttpServer(t, {
    checkReady: async () => {
      work.started += 1;
      work.running += 1;
      work.mostRunning = Math.max(work.mostRunning, work.running);
      begun.resolve();
      await released.promise;
      work.running -= 1;
    },
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return { app, url, work, begun: begun.promise, release: released.resolve };
}

test('a connection with too many unanswered requests is closed, and at most one of them was executed', async (t) => {
  const { url, work } = await startSlowServer(t);
  const socket = await openSocket(t, url);
  socket.write(READY.repeat(1_000));
  assert.ok(await closed(socket, 10_000));
  assert.equal(socket.bytesRead, 0);
  assert.ok(work.started <= 1, `${work.started} requests were executed`);
});

test('requests whose path cannot be decoded count as well', async (t) => {
  const { url } = await startSlowServer(t);
  const invalid = 'GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const answers = await converse(t, url, READY + invalid.repeat(MAX_UNANSWERED_REQUESTS));
  assert.equal(answers, '');
});

test('fewer pipelined requests are executed one after another and answered in order', async (t) => {
  const { url, work, release } = await startSlowServer(t);
  release();
  const version = 'GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const answers = await converse(t, url, READY.repeat(MAX_UNANSWERED_REQUESTS - 2) + version + LAST);
  const bodies = [...answers.matchAll(/\{.*?\}/g)].map(([body]) => body);
  const ready = '{"status":"ok"}';
  assert.deepEqual(bodies, [...Array(MAX_UNANSWERED_REQUESTS - 2).fill(ready), '{"version":"1.2.3"}', ready]);
  assert.deepEqual([work.started, work.mostRunning], [MAX_UNANSWERED_REQUESTS - 1, 1]);
});

test('answered requests do not count', async (t) => {
  const { url, work, release } = await startSlowServer(t);
  release();
  const socket = await openSocket(t, url);
  socket.setEncoding('latin1');
  for (let count = 1; count <= 3 * MAX_UNANSWERED_REQUESTS; count += 1) {
    socket.write(READY);
    const [answer] = await once(socket, 'data');
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.equal(work.started, count);
  }
});

test('requests that wait on a connection are not executed after it is closed', async (t) => {
  const { app, url, work, begun, release } = await startSlowServer(t);
  const connected = once(app.server, 'connection');
  const socket = await openSocket(t, url);
  const [accepted] = await connected;
  socket.write(READY.repeat(MAX_UNANSWERED_REQUESTS));
  await begun;
  const disconnected = once(accepted, 'close');
  socket.destroy();
  await disconnected;
  release();
  assert.match(await converse(t, url, LAST), /^HTTP\/1\.1 200 /);
  assert.equal(work.started, 2);
});
