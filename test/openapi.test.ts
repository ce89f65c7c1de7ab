/** What the server says about itself: its description, its health, its version. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from './support/server.ts';

/** The parameters of the documented interface, by path; all are required texts. */
const documented: Record<string, string[]> = {
  '/create_session_key': ['public_key'],
  '/register_user': ['session_key', 'username', 'email', 'password'],
  '/login_user': ['session_key', 'email', 'password'],
  '/encrypt/{username}': ['session_key', 'message'],
  '/decrypt': ['session_key', 'message'],
  '/change_username': ['session_key', 'new_username', 'password'],
  '/change_password': ['session_key', 'password', 'new_password'],
  '/forgot_password': ['session_key', 'email'],
  '/confirm_forgot_password': ['session_key', 'code'],
  '/final_forgot_password': ['session_key', 'new_password'],
  '/account': ['session_key'],
  '/list_sessions': ['session_key'],
  '/end_session': ['session_key', 'session'],
  '/end_other_sessions': ['session_key'],
  '/log_out': ['session_key'],
};

interface Schema {
  $ref?: string;
  type?: string;
  required?: string[];
  properties?: Record<string, Schema>;
}

interface Operation {
  parameters?: { name: string; in: string; required?: boolean; schema?: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, unknown>;
}

interface Description {
  openapi: string;
  paths: Record<string, { post?: Operation }>;
  components?: { schemas?: Record<string, Schema> };
}

test('what the server says about itself', async (t) => {
  const server = await startServer(t);
  const get = (path: string): Promise<Response> => fetch(server.url + path);

  await t.test('GET /openapi.json', async (t) => {
    const response = await get('/openapi.json');
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^application\/json\b/);
    const description = (await response.json()) as Description;
    assert.match(description.openapi, /^3\.1\.\d+$/);

    const resolve = (schema: Schema): Schema => {
      if (schema.$ref === undefined) return schema;
      const name = schema.$ref.replace('#/components/schemas/', '');
      return description.components?.schemas?.[name] ?? assert.fail(`nothing at ${schema.$ref}`);
    };

    for (const [path, parameters] of Object.entries(documented)) {
      await t.test(path, () => {
        const operation = description.paths[path]?.post;
        assert.ok(operation, `no POST ${path} among ${Object.keys(description.paths)}`);
        const body = operation.requestBody?.content['application/json']?.schema;
        assert.ok(body);
        const schema = resolve(body);
        for (const parameter of parameters) {
          assert.equal(resolve(schema.properties?.[parameter] ?? assert.fail(parameter)).type, 'string', parameter);
          assert.ok(schema.required?.includes(parameter), `${parameter} is required`);
        }
        assert.ok(operation.responses['200']);
      });
    }

    await t.test('the username in the path', () => {
      const parameters = description.paths['/encrypt/{username}']?.post?.parameters;
      const username = parameters?.find(({ name }) => name === 'username');
      assert.equal(username?.in, 'path');
      assert.equal(username?.required, true);
      assert.equal(username?.schema?.type, 'string');
    });
  });

  await t.test('GET /docs', async () => {
    const response = await get('/docs');
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^text\/html\b/);
    assert.match(await response.text(), /<html/i);
  });

  for (const path of ['/health/live', '/health/ready', '/version']) {
    await t.test(`GET ${path}`, async () => {
      const response = await get(path);
      assert.equal(response.status, 200);
      assert.match(response.headers.get('content-type') ?? '', /^application\/json\b/);
      assert.equal(typeof (await response.json()), 'object');
    });
  }
});
