// The answers that never change: documentation and descriptions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestHttpServer } from '../../../test/support/httpServer.ts';

const STATIC_PATHS = ['/openapi.json', '/problems', '/version', '/health/live', '/docs', '/docs/swagger-ui-bundle.js'];

test('answers that never change are sent from one buffer', async (t) => {
  const { app } = await createTestHttpServer(t);
  const sent = new Map<string, unknown[]>(STATIC_PATHS.map((path) => [path, []]));
  app.addHook('onSend', async (request, _reply, payload) => void sent.get(request.url)?.push(payload));
  for (const path of STATIC_PATHS) {
    for (let count = 0; count < 2; count += 1) assert.equal((await app.inject(path)).statusCode, 200, path);
    const [first, second] = sent.get(path) ?? [];
    assert.ok(first instanceof Buffer, path);
    assert.ok(first === second, path);
  }
});

test('/docs: the page with everything that it loads', async (t) => {
  const { app } = await createTestHttpServer(t);
  const page = await app.inject('/docs');
  assert.match(String(page.headers['content-type']), /^text\/html\b/);
  const links = [...page.body.matchAll(/(?:src|href)="(docs[^"]+)"/g)].map(([, link = '']) => link);
  assert.equal(links.length, 3);
  for (const link of links) {
    const { statusCode, headers } = await app.inject(new URL(link, 'http://localhost/docs').pathname);
    assert.equal(statusCode, 200, link);
    assert.match(String(headers['content-type']), link.endsWith('.css') ? /^text\/css\b/ : /^text\/javascript\b/);
    assert.match(String(headers['content-security-policy']), /script-src/);
  }
  assert.match((await app.inject('/docs/start.js')).body, /'openapi\.json'/);
  assert.equal((await app.inject('/docs/')).headers.location, '/docs');
  assert.equal((await app.inject('/docs/json')).statusCode, 404, 'one address of the description');
});
