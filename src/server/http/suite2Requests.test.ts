// HTTP for clients of suite 2: unencrypted problems, POST /encrypt, and the routes that describe the server.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createTestHttpServer, type TestHttpServer } from '../../../test/support/httpServer.ts';
import { endpoints } from '../../protocol/endpoints.ts';
import { Problem, type ProblemCode, problems } from '../../protocol/problems.ts';

const REQUEST = { session_key: '2.id.0', payload: 'sealed' };
const HANDSHAKE = { suite: 2, kid: 'kid' };

const post = ({ app }: TestHttpServer, url: string, body: unknown) =>
  app.inject({ method: 'POST', url, payload: typeof body === 'string' ? body : JSON.stringify(body) });

function failing(error: unknown) {
  return {
    answer: () => {
      throw error;
    },
  };
}

describe('unencrypted problem', () => {
  test('suite 2 requests get problem details, suite 1 requests its sentences', async (t) => {
    for (const code of Object.keys(problems) as ProblemCode[]) {
      const { status, title, suite1 } = problems[code];
      const server = await createTestHttpServer(t, failing(new Problem(code, { retryAfterSeconds: 3 })));
      const asks = [
        ['/create_session_key', HANDSHAKE],
        ['/decrypt', REQUEST],
        ['/decrypt', { ...REQUEST, suite: 2 }],
        ['/encrypt', REQUEST],
        ['/encrypt/bob', REQUEST],
      ] as const;
      for (const [url, body] of asks) {
        const response = await post(server, url, body);
        assert.equal(response.statusCode, status, code);
        assert.equal(response.headers['content-type'], 'application/problem+json');
        assert.equal(response.headers['retry-after'], '3');
        assert.deepEqual(response.json(), { type: `/problems#${code}`, title, status, code });
      }
      const [suite1Status, suite1Body] =
        suite1.kind === 'sentence' ? [suite1.status, suite1.sentence] : [status, { error: title }];
      for (const body of [
        { session_key: 'key' },
        { suite: 1 },
        { suite: '2', session_key: 'key' },
        { suite: 3, session_key: 'key' },
      ]) {
        const response = await post(server, 'session_key' in body ? '/decrypt' : '/create_session_key', body);
        assert.deepEqual([response.statusCode, response.json()], [suite1Status, suite1Body], code);
        assert.equal(response.headers['content-type'], 'application/json');
      }
    }
  });

  test('missing session key: malformed_request', async (t) => {
    const server = await createTestHttpServer(t);
    for (const session_key of [undefined, 7, null]) {
      const response = await post(server, '/decrypt', { suite: 2, session_key, payload: 'sealed' });
      assert.equal(response.statusCode, 400);
      assert.equal(response.headers['content-type'], 'application/problem+json');
      assert.equal(response.json().code, 'malformed_request');
      assert.match(response.json().detail, /session_key/);
    }
    assert.deepEqual(server.seen, []);
  });

  test('unexpected error: neither the response nor the log quotes its message', async (t) => {
    const server = await createTestHttpServer(t, failing(new TypeError('the secret is not a function')));
    const response = await post(server, '/decrypt', REQUEST);
    assert.equal(response.statusCode, 500);
    assert.doesNotMatch(response.body, /secret/);
    assert.equal(response.json().code, 'internal_error');
    assert.doesNotMatch(JSON.stringify(server.log), /secret/);
  });

  test('malformed body: reported in the form of suite 1', async (t) => {
    const server = await createTestHttpServer(t);
    for (const body of ['', '{', '[]', '{"suite":2']) {
      const response = await post(server, '/decrypt', body);
      assert.deepEqual([response.statusCode, Object.keys(response.json())], [400, ['error']]);
    }
  });

  test('the suite of one request does not affect the next one', async (t) => {
    const server = await createTestHttpServer(t, failing(new Problem('session_not_found')));
    assert.equal((await post(server, '/decrypt', REQUEST)).json().code, 'session_not_found');
    assert.equal((await post(server, '/decrypt', { session_key: 'key' })).json(), 'Session not found!');
  });
});

describe('POST /encrypt', () => {
  test('is the encrypt endpoint without a name in its path, with its body limit', async (t) => {
    const maxTextBytes = 1_000_000;
    const server = await createTestHttpServer(t, { maxTextBytes });
    const payload = 'x'.repeat(maxTextBytes * 2);
    assert.equal((await post(server, '/encrypt', { ...REQUEST, payload })).statusCode, 200);
    const [seen] = server.seen;
    assert.deepEqual([seen?.path, seen?.sessionKey], [endpoints.encrypt.path, REQUEST.session_key]);
    const tooLong = await post(server, '/encrypt', { ...REQUEST, payload: 'x'.repeat(4 * maxTextBytes) });
    assert.equal(tooLong.statusCode, 413);
  });

  test('has an empty recipient name', async (t) => {
    const server = await createTestHttpServer(t);
    await post(server, '/encrypt', { session_key: 'key' });
    assert.deepEqual(server.seen[0]?.recipientNames, ['']);
  });

  test('every endpoint is reached at its path', async (t) => {
    const server = await createTestHttpServer(t);
    for (const { path } of Object.values(endpoints)) {
      const url = path.replace(':username', 'bob');
      assert.equal((await post(server, url, REQUEST)).statusCode, 200, url);
    }
    assert.deepEqual(
      server.seen.map(({ path }) => path),
      Object.values(endpoints).map(({ path }) => path),
    );
  });
});

describe('description of the server', () => {
  test('GET /.well-known/vws returns the current description', async (t) => {
    const description = { suites: [2], identity: 'id', descriptor: 'd', signature: 's' };
    let times = 0;
    const server = await createTestHttpServer(t, {
      describeServer: async () => {
        times += 1;
        return { ...description, times };
      },
    });
    for (const time of [1, 2]) {
      const response = await server.app.inject('/.well-known/vws');
      assert.deepEqual([response.statusCode, response.json()], [200, { ...description, times: time }]);
      assert.equal(response.headers['content-type'], 'application/json');
      assert.equal(response.headers['cache-control'], 'no-store');
    }
  });

  test('GET /.well-known/vws responds with 503 if the database is unavailable', async (t) => {
    const describeServer = async () => {
      throw new Problem('store_unavailable', { retryAfterSeconds: 1 });
    };
    const server = await createTestHttpServer(t, { describeServer });
    const response = await server.app.inject('/.well-known/vws');
    assert.deepEqual([response.statusCode, response.headers['retry-after']], [503, '1']);
  });

  test('GET /problems lists every code with its status and title', async (t) => {
    const server = await createTestHttpServer(t);
    const response = await server.app.inject('/problems');
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers['content-type'], 'application/json');
    const expected = Object.entries(problems).map(([code, { status, title }]) => [code, { status, title }]);
    assert.deepEqual(response.json(), Object.fromEntries(expected));
  });

  test('POST is not found', async (t) => {
    const server = await createTestHttpServer(t);
    for (const url of ['/.well-known/vws', '/problems']) {
      assert.equal((await post(server, url, {})).statusCode, 404, url);
    }
  });
});
