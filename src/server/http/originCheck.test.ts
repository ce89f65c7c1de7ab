// Requests of web pages from other sites, and the limits that they must not use up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestHttpServer, type TestHttpOptions } from '../../../test/support/httpServer.ts';
import { problems } from '../../protocol/problems.ts';
import { UnknownSessions } from '../limits/unknownSessions.ts';

const APP = 'https://app.example.org';
const EVIL = 'https://evil.example';

test('a page of another site gets 403, and neither a session nor a limit notices', async (t) => {
  const { app, seen, handshakes } = await createTestHttpServer(t, {
    unknownSessions: new UnknownSessions(1),
    knowsSession: async () => assert.fail('looked up'),
    corsOrigins: [APP],
  });
  const foreign: Record<string, string>[] = [
    { origin: EVIL },
    { origin: 'null' },
    { origin: EVIL, 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'cross-site' },
    { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' },
    { origin: `${APP}.evil.example` },
    { origin: 'http://localhost:81' },
  ];
  for (const headers of foreign) {
    for (const url of ['/account', '/create_session_key', '/encrypt/bob', '/nowhere']) {
      const payload = JSON.stringify({ session_key: 'key', message: 'x' });
      const response = await app.inject({
        method: 'POST',
        url,
        headers: { host: 'localhost:80', ...headers },
        payload,
      });
      const wanted = [403, { error: problems.origin_refused.title }];
      assert.deepEqual([response.statusCode, response.json()], wanted, JSON.stringify(headers));
    }
  }
  assert.deepEqual([seen, handshakes], [[], []]);
});

test('programs, pages of the server itself and pages in CORS_ORIGINS are served', async (t) => {
  const statusFor = async (
    headers: Record<string, string>,
    options: TestHttpOptions = {},
    method = 'POST' as 'POST' | 'GET',
  ) => {
    const { app } = await createTestHttpServer(t, { corsOrigins: [APP], host: '0.0.0.0', ...options });
    const url = method === 'GET' ? '/version' : '/account';
    return (await app.inject({ method, url, headers, payload: '{"session_key":"key"}' })).statusCode;
  };
  assert.equal(await statusFor({}), 200, 'a program');
  assert.equal(await statusFor({ origin: APP, 'sec-fetch-site': 'cross-site' }), 200);
  assert.equal(await statusFor({ origin: APP }), 200);
  assert.equal(await statusFor({ origin: 'https://vws.example', 'sec-fetch-site': 'same-origin' }), 200, 'any Host');
  assert.equal(await statusFor({ 'sec-fetch-site': 'none' }), 200, 'the user');
  for (const [host, origin] of [
    ['10.0.0.5:5000', 'http://10.0.0.5:5000'],
    ['vws.example', 'https://vws.example'],
    ['VWS.example:443', 'https://vws.example'],
    ['[2001:db8::1]:5000', 'http://[2001:db8::1]:5000'],
  ] as const) {
    assert.equal(await statusFor({ host, origin }), 200, `${origin}, of a browser without Sec-Fetch-Site`);
  }
  const forwarded = { host: '127.0.0.1:5000', 'x-forwarded-host': 'vws.example', origin: 'https://vws.example' };
  assert.equal(await statusFor(forwarded, { trustedProxies: ['127.0.0.1'] }), 200);
  assert.equal(await statusFor(forwarded), 403, 'not a trusted proxy');
  assert.equal(await statusFor({ origin: EVIL, 'sec-fetch-site': 'cross-site' }, {}, 'GET'), 200, 'a link');
});

test('the limit on unknown session keys does not apply to sessions that exist', async (t) => {
  const lookedUp: string[] = [];
  const { app, seen } = await createTestHttpServer(t, {
    unknownSessions: new UnknownSessions(2),
    knowsSession: async (key) => {
      lookedUp.push(key);
      return key === 'known';
    },
    maxTextBytes: 100_000,
  });
  const send = async (sessionKey: string, message = 'x') => {
    const payload = JSON.stringify({ session_key: sessionKey, message });
    return (await app.inject({ method: 'POST', url: '/decrypt', payload })).statusCode;
  };
  const long = 'x'.repeat(100_000);
  assert.deepEqual([await send('other', long), await send('other', long)], [404, 404]);
  assert.deepEqual([await send('other', long), await send('other')], [429, 429]);
  assert.equal(seen.length, 0);
  assert.deepEqual([await send('known', long), await send('known')], [200, 200]);
  assert.deepEqual(
    seen.map(({ sessionKey }) => sessionKey),
    ['known', 'known'],
  );
  assert.equal(lookedUp.filter((key) => key === 'other').length, 4);
});
