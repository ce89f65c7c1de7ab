// The HTTP server in front of a simulated exchange: bodies, errors, headers, CORS, client addresses.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createTestHttpServer, type TestHttpServer } from '../../../test/support/httpServer.ts';
import { Problem, type ProblemCode, problems } from '../../protocol/problems.ts';

const BODY = { session_key: 'key', message: 'sealed' };
const PROXY = '10.1.2.3';
const CLIENT = '203.0.113.9';

const post = ({ app }: TestHttpServer, url: string, body: unknown = BODY, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url, headers, payload: typeof body === 'string' ? body : JSON.stringify(body) });

function failWith(error: unknown): () => never {
  return () => {
    throw error;
  };
}

describe('HTTP request', () => {
  test('passes endpoint, session key, body and raw bytes to the session', async (t) => {
    const server = await createTestHttpServer(t);
    const response = await post(server, '/decrypt');
    assert.deepEqual([response.statusCode, response.body], [200, '{"answer":"sealed"}']);
    assert.equal(response.headers['content-type'], 'application/json');
    const [seen] = server.seen;
    assert.deepEqual([seen?.path, seen?.sessionKey, { ...seen?.body }], ['/decrypt', 'key', BODY]);
    assert.equal(seen?.bytes, `/decrypt\0${JSON.stringify(BODY)}`);

    await post(server, '/encrypt/a');
    await post(server, '/encrypt/b');
    assert.notEqual(server.seen[1]?.bytes, server.seen[2]?.bytes, 'the name in the path belongs to the bytes');
  });

  test('handshake: needs no session key, is rate limited by address', async (t) => {
    const server = await createTestHttpServer(t, { addressSubject: (address) => `<${address}>` });
    assert.equal((await post(server, '/create_session_key', { public_key: 'hex' })).statusCode, 200);
    assert.deepEqual(
      server.handshakes.map(({ body, address }) => [{ ...body }, address]),
      [[{ public_key: 'hex' }, '<127.0.0.1>']],
    );
  });

  test('any content type is accepted', async (t) => {
    const server = await createTestHttpServer(t);
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'application/x-www-form-urlencoded',
      'text/plain',
      'multipart/form-data; boundary=x',
      'application/json, application/json',
      'not a type',
      '',
    ]) {
      assert.equal((await post(server, '/decrypt', BODY, { 'content-type': type })).statusCode, 200, type);
    }
    const untyped = await server.app.inject({
      method: 'POST',
      url: '/decrypt',
      payload: Buffer.from(JSON.stringify(BODY)),
    });
    assert.equal(untyped.statusCode, 200);
  });

  test('malformed body: 400, and the session is not called', async (t) => {
    const server = await createTestHttpServer(t);
    for (const body of ['', '{', '[]', '"text"', '{}', { session_key: 1 }, { session_key: ['key'] }]) {
      const { statusCode, body: answer } = await post(server, '/decrypt', body);
      assert.equal(statusCode, 400, JSON.stringify(body));
      assert.deepEqual(Object.keys(JSON.parse(answer)), ['error']);
    }
    assert.equal((await server.app.inject({ method: 'POST', url: '/decrypt' })).statusCode, 400);
    assert.deepEqual(server.seen, []);
  });

  test('body limit: accepts a text of the maximum size, rejects more', async (t) => {
    const maxTextBytes = 3_000_000;
    const server = await createTestHttpServer(t, { maxTextBytes });
    // Twice in base64: as an envelope, and under its seal.
    const largest = 'x'.repeat(Math.ceil(maxTextBytes * (4 / 3) ** 2));
    assert.equal((await post(server, '/decrypt', { ...BODY, message: largest })).statusCode, 200);
    const tooLong = await post(server, '/decrypt', { ...BODY, message: 'x'.repeat(3 * maxTextBytes + 64 * 1024) });
    assert.deepEqual([tooLong.statusCode, tooLong.json()], [413, { error: problems.payload_too_large.title }]);
    assert.equal(server.seen.length, 1);
  });

  test('unknown path or method: 404', async (t) => {
    const server = await createTestHttpServer(t);
    for (const [method, url] of [
      ['POST', '/nowhere'],
      ['GET', '/login_user'],
      ['PUT', '/login_user'],
      ['DELETE', '/encrypt/bob'],
      ['GET', '/encrypt'],
      ['POST', '/Encrypt/bob'],
      ['POST', '/Encrypt'],
    ] as const) {
      const response = await server.app.inject({ method, url });
      assert.deepEqual([response.statusCode, response.json()], [404, { error: problems.route_not_found.title }], url);
    }
  });

  test('GET / redirects to the documentation', async (t) => {
    const server = await createTestHttpServer(t);
    const response = await server.app.inject({ method: 'GET', url: '/' });
    assert.deepEqual([response.statusCode, response.headers.location], [302, '/docs']);
  });
});

describe('HTTP response', () => {
  test('reports the problem of the session, in the form of suite 1', async (t) => {
    let code: ProblemCode = 'internal_error';
    const server = await createTestHttpServer(t, {
      answer: () => failWith(new Problem(code, { retryAfterSeconds: 3 }))(),
    });
    for (code of Object.keys(problems) as ProblemCode[]) {
      const { status, title, suite1 } = problems[code];
      const [wantedStatus, wantedBody] =
        suite1.kind === 'sentence' ? [suite1.status, suite1.sentence] : [status, { error: title }];
      for (const url of ['/decrypt', '/create_session_key']) {
        const response = await post(server, url);
        assert.deepEqual([response.statusCode, response.json()], [wantedStatus, wantedBody], code);
        assert.equal(response.headers['retry-after'], '3');
      }
    }
  });

  test('unexpected error: neither the response nor the log quotes its message', async (t) => {
    const server = await createTestHttpServer(t, { answer: failWith(new TypeError('the secret is not a function')) });
    const response = await post(server, '/decrypt');
    assert.deepEqual([response.statusCode, response.json()], [500, { error: problems.internal_error.title }]);
    const line = server.log.find(({ msg }) => msg === 'internal_error');
    assert.equal(line?.requestId, response.headers['x-request-id']);
    assert.match(JSON.stringify(line), /TypeError.*server\.test\.ts/);
    assert.doesNotMatch(JSON.stringify(server.log), /secret/);
  });

  test('database unavailable: the reason is logged', async (t) => {
    const cause = Object.assign(new Error('database or disk is full'), { errcode: 13, errstr: 'full' });
    const server = await createTestHttpServer(t, { answer: failWith(new Problem('store_unavailable', { cause })) });
    await post(server, '/decrypt');
    const line = server.log.find(({ msg }) => msg === 'store_unavailable');
    assert.match(JSON.stringify(line), /database or disk is full/);
  });

  test('is logged with its route, without the user name in the path', async (t) => {
    const server = await createTestHttpServer(t);
    await post(server, '/encrypt/somebody');
    await post(server, '/somebody?else');
    const lines = server.log.map(({ requestId, ms, ...line }) => line);
    assert.deepEqual(lines, [
      { level: 30, route: '/encrypt/:username', status: 200, msg: 'request' },
      { level: 30, route: 'none', status: 404, msg: 'request' },
    ]);
    assert.notEqual(server.log[0]?.requestId, server.log[1]?.requestId);
    // Random: an id reveals neither the number of requests nor the id of another client's request.
    for (const { requestId } of server.log)
      assert.match(String(requestId), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f-]{17}$/);
  });
});

test('every response has the security headers', async (t) => {
  const server = await createTestHttpServer(t);
  const faulty = await createTestHttpServer(t, { answer: failWith(new Error('fault')) });
  const answers = {
    'a success': await post(server, '/decrypt'),
    'a rejected request': await post(server, '/decrypt', '{'),
    'a body too large': await post(server, '/decrypt', 'x'.repeat(100_000)),
    'an unknown path': await post(server, '/nowhere'),
    'a path that cannot be decoded': await post(server, '/%zz'),
    'an internal error': await post(faulty, '/decrypt'),
    health: await server.app.inject('/health/live'),
  };
  const expected = {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'strict-transport-security': 'max-age=31536000',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'SAMEORIGIN',
  };
  for (const [what, { headers }] of Object.entries(answers)) {
    for (const [name, value] of Object.entries(expected)) assert.equal(headers[name], value, `${name} of ${what}`);
    assert.equal(headers['x-powered-by'], undefined);
  }
  const docs = await server.app.inject('/docs');
  assert.equal(docs.statusCode, 200);
  assert.match(String(docs.headers['content-security-policy']), /script-src/, 'the documentation runs its own scripts');
});

describe('CORS', () => {
  const origin = 'https://app.example.org';
  const preflight = ({ app }: TestHttpServer, from: string) =>
    app.inject({
      method: 'OPTIONS',
      url: '/login_user',
      headers: {
        origin: from,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    });

  test('without CORS_ORIGINS, no origin is allowed', async (t) => {
    const server = await createTestHttpServer(t);
    for (const response of [await preflight(server, origin), await post(server, '/decrypt', BODY, { origin })]) {
      assert.equal(response.headers['access-control-allow-origin'], undefined);
    }
  });

  test('only the configured origins are allowed', async (t) => {
    const server = await createTestHttpServer(t, { corsOrigins: [origin, 'https://other.example.org'] });
    const allowed = await preflight(server, origin);
    assert.equal(allowed.statusCode, 204);
    assert.equal(allowed.headers['access-control-allow-origin'], origin);
    assert.match(String(allowed.headers['access-control-allow-methods']), /POST/);
    assert.equal(allowed.headers['access-control-allow-headers'], 'content-type');
    assert.equal(allowed.headers['access-control-allow-credentials'], undefined);
    assert.equal(allowed.headers['access-control-max-age'], '7200');
    const answered = await post(server, '/decrypt', BODY, { origin });
    assert.equal(answered.headers['access-control-allow-origin'], origin);
    for (const stranger of ['https://evil.example.org', `${origin}.evil.example`, 'null']) {
      const refused = await preflight(server, stranger);
      assert.notEqual(refused.headers['access-control-allow-origin'], stranger, stranger);
    }
  });

  test('allowed origins may read every response and Retry-After', async (t) => {
    const answer = failWith(new Problem('overloaded', { retryAfterSeconds: 7 }));
    const server = await createTestHttpServer(t, { corsOrigins: [origin], answer });
    const busy = await post(server, '/decrypt', BODY, { origin });
    assert.equal(busy.headers['retry-after'], '7');
    const unreadable = await post(server, '/decrypt', '{', { origin });
    const tooLarge = await post(server, '/decrypt', 'x'.repeat(100_000), { origin });
    for (const { headers } of [busy, unreadable, tooLarge]) {
      assert.equal(headers['access-control-allow-origin'], origin);
      assert.equal(headers['access-control-expose-headers'], 'Retry-After');
    }
  });
});

describe('address for rate limits', () => {
  const from = async (
    t: Parameters<typeof createTestHttpServer>[0],
    { trusted, socket, forwarded }: { trusted: string[]; socket: string; forwarded: string },
  ) => {
    const server = await createTestHttpServer(t, { trustedProxies: trusted });
    for (const url of ['/decrypt', '/create_session_key']) {
      const headers = { 'x-forwarded-for': forwarded, 'x-real-ip': '192.0.2.66', forwarded: 'for=192.0.2.66' };
      await server.app.inject({ method: 'POST', url, headers, remoteAddress: socket, payload: JSON.stringify(BODY) });
    }
    assert.equal(server.seen[0]?.address, server.handshakes[0]?.address);
    return server.seen[0]?.address;
  };

  test('without a trusted proxy: the address of the socket', async (t) => {
    assert.equal(await from(t, { trusted: [], socket: PROXY, forwarded: CLIENT }), PROXY);
  });

  test('behind a trusted proxy: the last untrusted address of X-Forwarded-For', async (t) => {
    const trusted = ['10.0.0.0/8', '2001:db8::1'];
    assert.equal(await from(t, { trusted, socket: PROXY, forwarded: CLIENT }), CLIENT);
    assert.equal(await from(t, { trusted, socket: '::ffff:10.1.2.3', forwarded: CLIENT }), CLIENT);
    assert.equal(await from(t, { trusted, socket: '2001:db8::1', forwarded: CLIENT }), CLIENT);
    assert.equal(await from(t, { trusted, socket: PROXY, forwarded: `192.0.2.66, ${CLIENT}` }), CLIENT);
    assert.equal(await from(t, { trusted, socket: PROXY, forwarded: `${CLIENT}, 10.9.9.9` }), CLIENT);
  });

  test('from an untrusted proxy: the address of the socket', async (t) => {
    const trusted = ['10.0.0.0/8'];
    assert.equal(await from(t, { trusted, socket: '192.0.2.1', forwarded: CLIENT }), '192.0.2.1');
    assert.equal(await from(t, { trusted, socket: '::1', forwarded: CLIENT }), '::1');
  });
});

test('health routes report liveness, readiness and version', async (t) => {
  let isUnavailable = false;
  const server = await createTestHttpServer(t, {
    checkReady: async () => {
      if (isUnavailable) throw new Problem('store_unavailable', { retryAfterSeconds: 1 });
    },
  });
  const get = async (url: string) => {
    const { statusCode, body } = await server.app.inject(url);
    return [statusCode, JSON.parse(body)];
  };
  assert.deepEqual(await get('/health/live'), [200, { status: 'ok' }]);
  assert.deepEqual(await get('/health/ready'), [200, { status: 'ok' }]);
  assert.deepEqual(await get('/version'), [200, { version: '1.2.3' }]);
  isUnavailable = true;
  assert.deepEqual(await get('/health/live'), [200, { status: 'ok' }]);
  assert.deepEqual(await get('/health/ready'), [503, { error: problems.store_unavailable.title }]);
});
