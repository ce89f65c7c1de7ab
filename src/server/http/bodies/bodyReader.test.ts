// Reading request bodies over real sockets: early lookup of sessions, the memory budget and the minimum rate.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import { createTestHttpServer, type TestHttpOptions } from '../../../../test/support/httpServer.ts';
import { converse, openSocket } from '../../../../test/support/sockets.ts';
import { type Problem, problems } from '../../../protocol/problems.ts';
import { UnknownSessions } from '../../limits/unknownSessions.ts';
import { UnfinishedBody } from './unfinishedBody.ts';

const KIB = 1024;
const LONG = 'x'.repeat(200 * KIB);

async function startListening(t: TestContext, options: TestHttpOptions = {}) {
  const server = await createTestHttpServer(t, { maxTextBytes: 100 * KIB, ...options });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.app.server.address() as AddressInfo;
  return { ...server, url: `http://127.0.0.1:${port}` };
}

const post = async (url: string, path: string, body: unknown) => {
  const response = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, headers: response.headers, body: (await response.json()) as unknown };
};

const head = (length: number) => `POST /encrypt/bob HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;

/** Sends the beginning of a request on a new connection and waits until the server has read it. */
async function begin(t: TestContext, { app, url }: Awaited<ReturnType<typeof startListening>>, bytes: string) {
  const accepted = once(app.server, 'connection');
  const socket = await openSocket(t, url);
  const [serverSide] = (await accepted) as [{ bytesRead: number }];
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
  });
  socket.write(bytes);
  while (serverSide.bytesRead < bytes.length) await turnOfEventLoop();
  await turnOfEventLoop();
  return { socket, received: () => received };
}

describe('session of a long body', () => {
  test('unknown: the body is not kept, and the client gets the response on the same connection', async (t) => {
    const lookedUp: string[] = [];
    const server = await startListening(t, {
      knowsSession: async (sessionKey) => {
        lookedUp.push(sessionKey);
        return false;
      },
    });
    const suite1 = await post(server.url, '/encrypt/bob', { session_key: 'key', message: LONG });
    assert.deepEqual([suite1.status, suite1.body], [404, 'Session not found!']);
    assert.notEqual(suite1.headers.get('connection'), 'close');
    const suite2 = await post(server.url, '/encrypt', { suite: 2, session_key: '2.key', message: LONG });
    assert.deepEqual([suite2.status, (suite2.body as { code: string }).code], [404, 'session_not_found']);
    assert.deepEqual(lookedUp, ['key', '2.key']);
    assert.deepEqual(server.seen, []);
  });

  test('known, or not named within 64 KiB: the request is executed', async (t) => {
    const lookedUp: string[] = [];
    const server = await startListening(t, {
      knowsSession: async (sessionKey) => {
        lookedUp.push(sessionKey);
        return true;
      },
    });
    for (const body of [
      { session_key: 'first', message: LONG },
      { message: LONG, session_key: 'last' },
      { session_key: 'short', message: 'x' },
    ]) {
      assert.equal((await post(server.url, '/encrypt/bob', body)).status, 200);
      assert.deepEqual({ ...server.seen.at(-1)?.body }, body);
    }
    assert.deepEqual(lookedUp, ['first']);
  });

  test('database error: the request fails as usual', async (t) => {
    const server = await startListening(t, { knowsSession: () => Promise.reject(new TypeError('the secret')) });
    const response = await post(server.url, '/encrypt/bob', { session_key: 'key', message: LONG });
    assert.deepEqual([response.status, response.body], [500, { error: problems.internal_error.title }]);
    assert.doesNotMatch(JSON.stringify(server.log), /secret/);
  });

  test('requests with unknown session keys are limited per address, long and short ones together', async (t) => {
    const server = await createTestHttpServer(t, {
      maxTextBytes: 100 * KIB,
      unknownSessions: new UnknownSessions(2),
      knowsSession: async () => false,
      trustedProxies: ['127.0.0.1'],
    });
    const send = async (client: string, message: string) => {
      const payload = JSON.stringify({ session_key: 'key', message });
      const headers = { 'x-forwarded-for': client };
      const { statusCode, headers: received } = await server.app.inject({
        method: 'POST',
        url: '/decrypt',
        headers,
        payload,
      });
      return [statusCode, Number(received['retry-after']) > 0];
    };
    assert.deepEqual(await send('192.0.2.1', LONG), [404, false]);
    assert.deepEqual(await send('192.0.2.1', LONG), [404, false]);
    assert.deepEqual(await send('192.0.2.1', LONG), [429, true]);
    assert.deepEqual(await send('192.0.2.1', 'short'), [429, true]);
    assert.deepEqual(await send('192.0.2.2', 'short'), [200, false]);
  });
});

describe('memory of unfinished bodies', () => {
  test('one address gets 503 beyond its part, short requests are served, and closing returns the memory', async (t) => {
    const server = await startListening(t, { maxBodyMemory: 1 });
    // The longest body of these routes has 364 KiB: one address may occupy twice as much.
    const opened: Awaited<ReturnType<typeof begin>>[] = [];
    for (let index = 0; index < 3; index += 1) {
      opened.push(await begin(t, server, head(300 * KIB) + ' '.repeat(280 * KIB)));
    }
    assert.equal((await post(server.url, '/encrypt/bob', { session_key: 'key', message: 'x' })).status, 200);
    for (const { socket } of opened) socket.write(' '.repeat(20 * KIB));
    const answers = () => opened.map(({ received }) => received()).join('');
    while (!answers().includes('\r\n\r\n{')) await turnOfEventLoop();
    assert.match(answers(), /HTTP\/1\.1 503 Service Unavailable\r\n/);
    assert.match(answers(), /\r\nretry-after: 1\r\n/);
    for (const { socket } of opened) socket.destroy();
    while ((await post(server.url, '/encrypt/bob', { session_key: 'key', message: LONG })).status !== 200);
  });
});

test('a body that is refused for lack of memory: its session key is known, and the rest is read', async () => {
  const payload = Object.assign(new PassThrough(), { headers: {}, socket: new Socket() });
  const noted: string[] = [];
  const { promise, resolve } = Promise.withResolvers<unknown[]>();
  new UnfinishedBody({
    payload: payload as unknown as IncomingMessage,
    limit: 1_000_000,
    isIgnored: false,
    reserve: () => false,
    release: () => {},
    noteSessionKey: (sessionKey) => noted.push(sessionKey),
    checkSession: async () => {},
    done: (...result) => resolve(result),
  });
  payload.end(JSON.stringify({ suite: 2, session_key: '2.key', message: LONG }));
  const [error, refusal] = await promise;
  assert.deepEqual([error, (refusal as Problem).code, noted], [null, 'overloaded', ['2.key']]);
});

describe('rate of bodies', () => {
  test('slower than the minimum over 20 seconds: 408, and the connection is closed', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const now = t.mock.method(performance, 'now', () => seconds * 1000);
    let seconds = 1_000;
    const server = await startListening(t, { minBodyRate: 100 });
    const slow = await begin(t, server, `${head(10_000)}{`);
    const fast = await begin(t, server, `${head(10_000)}{`);
    for (const step of [5, 5, 5, 5, 5]) {
      fast.socket.write(' '.repeat(600));
      slow.socket.write(' '.repeat(400));
      await converse(t, server.url, 'GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      seconds += step;
      t.mock.timers.tick(5_000);
    }
    while (!slow.received()) await turnOfEventLoop();
    assert.match(slow.received(), /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.equal(fast.received(), '');
    // Closing the server needs the time.
    t.mock.timers.reset();
    now.mock.restore();
  });
});
