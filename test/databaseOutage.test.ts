// The database is locked, disconnected or unavailable while the server runs, or has a newer schema than the server.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SCHEMA_VERSION } from '../src/server/store/migrations.ts';
import { expectMessage } from './support/expect.ts';
import { logIn, newPerson, register } from './support/people.ts';
import { eventually } from './support/poll.ts';
import { startServer, type TestServer } from './support/server.ts';
import { runSql } from './support/sql.ts';
import { newStoreLocation, postgresUrl } from './support/store.ts';
import { type HttpResponse, type PreparedRequest, post } from './support/suite1Client.ts';
import { startTcpProxy } from './support/tcpProxy.ts';

test('newer schema: a running server continues, a new one does not start', async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);
  await runSql(
    server,
    'CREATE TABLE something_new (id TEXT PRIMARY KEY)',
    'ALTER TABLE users ADD COLUMN something_new TEXT',
    `INSERT INTO schema_migrations (version, applied_at) VALUES (${SCHEMA_VERSION + 1}, 0)`,
  );
  const ciphertext = expectMessage(await client.encrypt(person.username, 'with a newer schema'));
  assert.equal(expectMessage(await client.decrypt(ciphertext)), 'with a newer schema');
  await register(server, newPerson());
  await server.stop();
  await assert.rejects(server.start(), /knows only .*Start a newer version of the server/);
});

/** A 503 with Retry-After that quotes nothing of the database. */
async function expectUnavailable(server: TestServer, { path, body }: PreparedRequest): Promise<void> {
  const answer = await fetch(server.url + path, { method: 'POST', body });
  const text = await answer.text();
  assert.equal(answer.status, 503, text);
  assert.ok(Number(answer.headers.get('retry-after')) >= 1);
  assert.deepEqual(Object.keys(JSON.parse(text)), ['error']);
  assert.doesNotMatch(text, /sqlite|SQL|disk|locked/i);
}

/** Another process that holds the write lock until it receives input. */
async function lockDatabase(t: TestContext, dataDir: string): Promise<ChildProcess> {
  const program = `
    const { DatabaseSync } = require('node:sqlite');
    const database = new DatabaseSync(${JSON.stringify(join(dataDir, 'vws.db'))}, { timeout: 5000 });
    database.exec('BEGIN IMMEDIATE');
    process.stdout.write('locked');
    process.stdin.on('data', () => { database.exec('ROLLBACK'); database.close(); process.exit(0); });
  `;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

test('database locked by another process', { skip: postgresUrl && 'applies to SQLite only' }, async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);
  const request = client.prepare(`/encrypt/${person.username}`, { message: 'x' });
  const locker = await lockDatabase(t, server.dataDir);

  await t.test('requests and readiness: 503, liveness: 200', async () => {
    const refused = [request, client.prepare('/change_username', { new_username: 'x', password: person.password })];
    const [ready] = await Promise.all([
      fetch(`${server.url}/health/ready`),
      ...refused.map((each) => expectUnavailable(server, each)),
    ]);
    assert.equal(ready.status, 503);
    assert.equal((await fetch(`${server.url}/health/live`)).status, 200);
  });

  await t.test('after the lock ends, service resumes in the same session', async () => {
    locker.stdin?.write('let go');
    await once(locker, 'exit');
    expectMessage(await client.send(request));
    assert.equal((await fetch(`${server.url}/health/ready`)).status, 200);
    await logIn(server, person);
  });
});

const onPostgres = { skip: !postgresUrl && 'SQLite has no connections' };

/** A server whose connections to the database can be cut. */
async function startOnLine(t: TestContext) {
  const location = await newStoreLocation(t);
  assert.ok(location.engine === 'postgres');
  const url = new URL(location.url);
  const line = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  t.after(() => line.down());
  url.port = String(line.port);
  return { server: await startServer(t, { DATABASE_URL: url.href }), line };
}

test('connections to the database are cut: no session is lost, nothing is executed twice', onPostgres, async (t) => {
  const { server, line } = await startOnLine(t);
  const person = newPerson();
  const client = await register(server, person);
  for (let round = 0; round < 10; round += 1) {
    const request = client.prepare(`/encrypt/${person.username}`, { message: `round ${round}` });
    const asked = post(server, request.path, request.body);
    line.cut();
    const first = await asked;
    assert.ok(first.status === 200 || first.status === 503, first.text);
    const again = await untilServed(() => post(server, request.path, request.body));
    if (first.status === 200) assert.equal(again.text, first.text);
    expectMessage(client.accept(request, again));
  }
});

test('database unavailable: 503 with Retry-After, and service resumes automatically', onPostgres, async (t) => {
  const { server, line } = await startOnLine(t);
  const person = newPerson();
  const client = await register(server, person);
  await line.down();
  const request = client.prepare(`/encrypt/${person.username}`, { message: 'patience' });
  const refused = await fetch(server.url + request.path, { method: 'POST', body: request.body });
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal((await fetch(`${server.url}/health/ready`)).status, 503);
  assert.equal((await fetch(`${server.url}/health/live`)).status, 200);

  await line.up();
  expectMessage(client.accept(request, await untilServed(() => post(server, request.path, request.body))));
  assert.equal((await fetch(`${server.url}/health/ready`)).status, 200);
});

function untilServed(ask: () => Promise<HttpResponse>): Promise<HttpResponse> {
  return eventually('a response other than 503', async () => {
    const answer = await ask();
    return answer.status === 503 ? undefined : answer;
  });
}
