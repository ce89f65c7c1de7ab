// Host headers that a server on the loopback interface accepts.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createTestHttpServer } from '../../../test/support/httpServer.ts';
import { converse } from '../../../test/support/sockets.ts';
import { createHostCheck } from './hostCheck.ts';

test('host check: accepts loopback names, the configured ones and requests without a Host header', () => {
  const isAllowed = createHostCheck(['vws.example.org']);
  for (const header of [
    undefined,
    'localhost',
    'localhost:5000',
    'LocalHost:',
    '127.0.0.1:5000',
    '127.9.9.9',
    '[::1]:5000',
    '[::1]',
    'vws.example.org',
    'VWS.example.org:443',
  ]) {
    assert.ok(isAllowed(header), `${header}`);
    assert.ok(isAllowed(header), `${header} again`);
  }
  for (const header of [
    '',
    'evil.example',
    'evil.example:5000',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil.vws.example.org',
    'localhost:5000@evil.example',
    'evil.example#localhost',
    '[2001:db8::1]:5000',
    '8.8.8.8',
    'localhost:5000:5000',
  ]) {
    assert.ok(!isAllowed(header), header);
  }
});

test('two Host headers: refused, whatever the interface and the names', async (t) => {
  for (const options of [{}, { host: '0.0.0.0' }, { trustedProxies: ['127.0.0.1'] }]) {
    const { app } = await createTestHttpServer(t, options);
    await app.listen({ host: '127.0.0.1', port: 0 });
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    const request = (hosts: string) => `GET /version HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`;
    assert.match(await converse(t, url, request('Host: localhost\r\n')), /^HTTP\/1\.1 200 /);
    for (const second of ['Host: evil.example', 'hOST: localhost']) {
      assert.match(await converse(t, url, request(`Host: localhost\r\n${second}\r\n`)), /^HTTP\/1\.1 400 /, second);
    }
  }
});
