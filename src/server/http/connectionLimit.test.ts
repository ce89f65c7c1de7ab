// The limits on connections: their number per address, and the host names that they may use.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import { createTestHttpServer, type TestHttpOptions } from '../../../test/support/httpServer.ts';
import { closed, converse, openSocket } from '../../../test/support/sockets.ts';

const REQUEST = 'GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

async function listen(t: TestContext, options: TestHttpOptions) {
  const { app } = await createTestHttpServer(t, options);
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` };
}

test('connections of one address above the limit get 429, until one of them is closed', async (t) => {
  const { app, url } = await listen(t, { maxConnectionsPerAddress: 2 });
  const [first] = [await openSocket(t, url), await openSocket(t, url)];
  const third = await openSocket(t, url);
  const [answer] = await once(third.setEncoding('latin1'), 'data');
  assert.match(answer, /^HTTP\/1\.1 429 Too Many Requests\r\nRetry-After: 1\r\n/);
  assert.ok(await closed(third, 5_000));
  first.destroy();
  while ((await connectionsOf(app)) > 1) await turnOfEventLoop();
  assert.match(await converse(t, url, REQUEST), /^HTTP\/1\.1 200 OK\r\n/);
});

test('connections of a trusted proxy are not limited', async (t) => {
  const { url } = await listen(t, { maxConnectionsPerAddress: 1, trustedProxies: ['127.0.0.0/8'] });
  await openSocket(t, url);
  assert.match(await converse(t, url, REQUEST), /^HTTP\/1\.1 200 OK\r\n/);
});

test('a foreign host name is refused on the loopback interface, except from a trusted proxy or elsewhere', async (t) => {
  const statusFor = async (host: string, options: TestHttpOptions) => {
    const { app } = await createTestHttpServer(t, options);
    const response = await app.inject({ method: 'GET', url: '/version', headers: { host } });
    return [response.statusCode, Object.keys(response.json())];
  };
  const served = [200, ['version']];
  assert.deepEqual(await statusFor('evil.example:5000', {}), [400, ['error']]);
  assert.deepEqual(await statusFor('evil.example', { host: 'localhost' }), [400, ['error']]);
  assert.deepEqual(await statusFor('localhost:5000', {}), served);
  assert.deepEqual(await statusFor('vws.example', { allowedHosts: ['vws.example'] }), served);
  assert.deepEqual(await statusFor('vws.example', { trustedProxies: ['127.0.0.1'] }), served);
  assert.deepEqual(await statusFor('vws.example', { host: '0.0.0.0' }), served);
});

function connectionsOf({ server }: Awaited<ReturnType<typeof listen>>['app']): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
