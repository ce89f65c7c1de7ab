/** A database that is locked or full: clear refusals, nothing lost, and service again as soon as that is over. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { expectDelivered, expectMessage } from './support/expect.ts';
import { logIn, newPerson, register } from './support/people.ts';
import { eventually } from './support/poll.ts';
import { startServer, type TestServer } from './support/server.ts';
import { postgresUrl } from './support/store.ts';
import type { PreparedRequest } from './support/suite1Client.ts';

const SQLITE_ONLY = postgresUrl ? 'this is about SQLite' : false;
/** The server waits some seconds for a lock. */
const PATIENCE_MILLISECONDS = 20_000;
const TINY_DISK = '4m';

async function get(server: TestServer, path: string): Promise<Response> {
  return fetch(server.url + path);
}

/** A clear 503 that says when to come back and quotes nothing of the database. */
async function expectUnavailable(server: TestServer, { path, body }: PreparedRequest): Promise<void> {
  const answer = await fetch(server.url + path, { method: 'POST', body });
  const text = await answer.text();
  assert.equal(answer.status, 503, text);
  assert.ok(Number(answer.headers.get('retry-after')) >= 1);
  assert.deepEqual(Object.keys(JSON.parse(text)), ['error']);
  assert.doesNotMatch(text, /sqlite|SQL|disk|locked/i);
}

/** Another process that holds the write lock until it is told to let go. */
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

test('a database that another process has locked', { skip: SQLITE_ONLY }, async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);
  const request = client.prepare(`/encrypt/${person.username}`, { message: 'x' });
  const locker = await lockDatabase(t, server.dataDir);

  await t.test('requests get a clear 503, readiness tells, and the process is alive', async () => {
    const refused = [request, client.prepare('/change_username', { new_username: 'x', password: person.password })];
    const [ready] = await Promise.all([
      get(server, '/health/ready'),
      ...refused.map((each) => expectUnavailable(server, each)),
    ]);
    assert.equal(ready.status, 503);
    assert.equal((await get(server, '/health/live')).status, 200);
  });

  await t.test('service goes on by itself, in the same session', async () => {
    locker.stdin?.write('let go');
    await once(locker, 'exit');
    expectMessage(await client.send(request));
    assert.equal((await get(server, '/health/ready')).status, 200);
    await logIn(server, person);
  });
});

/** A small disk of its own. @returns why there is none, if the machine allows none */
function mountTinyDisk(folder: string): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a small disk takes root on Linux';
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${TINY_DISK}`, 'tmpfs', folder]);
  return status === 0 ? false : `mount: ${stderr}`;
}

const folder = mkdtempSync(join(tmpdir(), 'vws-tiny-disk-'));
const noDisk = SQLITE_ONLY || mountTinyDisk(folder);

test('a disk that is full', { skip: noDisk }, async (t) => {
  // A server that is still running would keep the disk busy: it is stopped first, since it came first.
  const server = await startServer(t, { DATA_DIR: folder });
  const filler = join(folder, 'filler');
  const person = newPerson();
  const client = await register(server, person);
  const ciphertext = expectMessage(await client.encrypt(person.username, 'from before'));

  writeFileSync(filler, '');
  assert.throws(
    () => {
      for (;;) appendFileSync(filler, Buffer.alloc(1024));
    },
    { code: 'ENOSPC' },
  );

  await t.test('requests get a clear 503, and readiness tells', async () => {
    const request = client.prepare('/decrypt', { message: ciphertext });
    // The write-ahead log may have room for a few more.
    await eventually(
      'the last byte',
      async () => {
        const { status } = await fetch(server.url + request.path, { method: 'POST', body: request.body });
        if (status === 503) return true;
        expectMessage(await client.decrypt(ciphertext));
        return undefined;
      },
      PATIENCE_MILLISECONDS,
    );
    await expectUnavailable(server, client.prepare('/decrypt', { message: ciphertext }));
    assert.equal((await get(server, '/health/live')).status, 200);
    await eventually('readiness to tell', async () => (await get(server, '/health/ready')).status === 503 || undefined);
  });

  await t.test('nothing is lost, and service goes on by itself', async () => {
    rmSync(filler);
    assert.equal(expectMessage(await client.decrypt(ciphertext)), 'from before');
    await eventually('readiness again', async () => (await get(server, '/health/ready')).status === 200 || undefined);
    await expectDelivered(client, await logIn(server, person), person.username);
    await server.kill();
    await server.start();
    assert.equal(expectMessage(await client.decrypt(ciphertext)), 'from before');
  });
});

test('the small disk is put away', () => {
  if (!noDisk) assert.equal(spawnSync('umount', [folder]).status, 0);
  rmSync(folder, { recursive: true, force: true });
});
