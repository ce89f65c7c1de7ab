/** A locked database or a full disk: clear errors, nothing lost, and service resumes automatically. */
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

const SQLITE_ONLY = postgresUrl ? 'applies to SQLite only' : false;
/** The server waits several seconds for a lock. */
const PATIENCE_MILLISECONDS = 20_000;
const TINY_DISK = '4m';

async function get(server: TestServer, path: string): Promise<Response> {
  return fetch(server.url + path);
}

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

test('database locked by another process', { skip: SQLITE_ONLY }, async (t) => {
  const server = await startServer(t);
  const person = newPerson();
  const client = await register(server, person);
  const request = client.prepare(`/encrypt/${person.username}`, { message: 'x' });
  const locker = await lockDatabase(t, server.dataDir);

  await t.test('requests and readiness: 503, liveness: 200', async () => {
    const refused = [request, client.prepare('/change_username', { new_username: 'x', password: person.password })];
    const [ready] = await Promise.all([
      get(server, '/health/ready'),
      ...refused.map((each) => expectUnavailable(server, each)),
    ]);
    assert.equal(ready.status, 503);
    assert.equal((await get(server, '/health/live')).status, 200);
  });

  await t.test('after the lock ends, service resumes in the same session', async () => {
    locker.stdin?.write('let go');
    await once(locker, 'exit');
    expectMessage(await client.send(request));
    assert.equal((await get(server, '/health/ready')).status, 200);
    await logIn(server, person);
  });
});

/** Mounts a small disk. @returns the reason if the machine does not allow it */
function mountTinyDisk(folder: string): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'mounting a small disk requires root on Linux';
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${TINY_DISK}`, 'tmpfs', folder]);
  return status === 0 ? false : `mount: ${stderr}`;
}

const folder = mkdtempSync(join(tmpdir(), 'vws-tiny-disk-'));
const noDisk = SQLITE_ONLY || mountTinyDisk(folder);

test('full disk', { skip: noDisk }, async (t) => {
  // Stopped before the disk is unmounted, which a running server would keep busy.
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

  await t.test('full disk: requests and readiness return 503', async () => {
    const request = client.prepare('/decrypt', { message: ciphertext });
    // The write-ahead log may have room for a few more transactions.
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
    await eventually(
      'readiness to report it',
      async () => (await get(server, '/health/ready')).status === 503 || undefined,
    );
  });

  await t.test('after space is freed, nothing is lost and service resumes', async () => {
    rmSync(filler);
    assert.equal(expectMessage(await client.decrypt(ciphertext)), 'from before');
    await eventually('readiness again', async () => (await get(server, '/health/ready')).status === 200 || undefined);
    await expectDelivered(client, await logIn(server, person), person.username);
    await server.kill();
    await server.start();
    assert.equal(expectMessage(await client.decrypt(ciphertext)), 'from before');
  });
});

test('cleanup: the small disk is unmounted', () => {
  if (!noDisk) assert.equal(spawnSync('umount', [folder]).status, 0);
  rmSync(folder, { recursive: true, force: true });
});
