// The endpoints that describe the server: OpenAPI, documentation, health, version.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Endpoint, endpoints, HANDSHAKE_PATH } from '../src/protocol/endpoints.ts';
import { startServer } from './support/server.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly required?: string[];
  readonly properties?: Record<string, Schema>;
}

interface Operation {
  readonly parameters?: { name: string; in: string; required?: boolean; schema?: Schema }[];
  readonly requestBody?: { content: Record<string, { schema: Schema }> };
  readonly responses: Record<string, unknown>;
}

interface Description {
  readonly openapi: string;
  readonly paths: Record<string, { post?: Operation }>;
  readonly components?: { schemas?: Record<string, Schema> };
}

test('the server describes itself', async (t) => {
  const server = await startServer(t);

  await t.test('GET /openapi.json: every endpoint of suite 1 with its fields', async () => {
    const response = await fetch(`${server.url}/openapi.json`);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^application\/json\b/);
    const { openapi, paths, components } = (await response.json()) as Description;
    assert.match(openapi, /^3\.1\.\d+$/);
    const resolve = (schema: Schema = {}): Schema =>
      schema.$ref === undefined ? schema : (components?.schemas?.[schema.$ref.split('/').at(-1) ?? ''] ?? {});
    const all: readonly Endpoint[] = Object.values(endpoints);
    const inSuite1 = all.filter(({ suites }) => !suites);
    assert.ok(inSuite1.length < all.length);
    for (const { path, suites } of all) assert.equal(path.replace(':username', '{username}') in paths, !suites, path);
    const documented = [
      [HANDSHAKE_PATH, ['public_key']] as const,
      ...inSuite1.map(({ path, fields }) => [path, ['session_key', ...Object.keys(fields)]] as const),
    ];
    for (const [path, fields] of documented) {
      const operation = paths[path.replace(':username', '{username}')]?.post ?? assert.fail(path);
      const { properties, required } = resolve(operation.requestBody?.content['application/json']?.schema);
      for (const field of fields) {
        assert.equal(resolve(properties?.[field]).type, 'string', `${path} ${field}`);
        assert.ok(required?.includes(field), `${path} ${field} is required`);
      }
      assert.ok(operation.responses['200'], path);
    }
    const parameters = paths['/encrypt/{username}']?.post?.parameters;
    const username = parameters?.find(({ name }) => name === 'username');
    assert.deepEqual([username?.in, username?.required, username?.schema?.type], ['path', true, 'string']);
  });

  for (const [path, type] of Object.entries({
    '/docs': /^text\/html\b/,
    '/health/live': /^application\/json\b/,
    '/health/ready': /^application\/json\b/,
    '/version': /^application\/json\b/,
  })) {
    await t.test(`GET ${path}: 200`, async () => {
      const response = await fetch(server.url + path);
      assert.equal(response.status, 200);
      assert.match(response.headers.get('content-type') ?? '', type);
      assert.match(await response.text(), path === '/docs' ? /<html/i : /^\{/);
    });
  }
});
