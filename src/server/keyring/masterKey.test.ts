// The master key: notations, key file, and the binding to a database.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { temporaryFolder } from '../../../test/support/mailFixtures.ts';
import { openTestStore } from '../../../test/support/store.ts';
import { findMasterKeyIds } from '../store/masterKeys.ts';
import {
  bindMasterKey,
  loadMasterKeyFile,
  MasterKey,
  parseMasterKey,
  requireMasterKeyFile,
  WrongMasterKeyError,
} from './masterKey.ts';

const NOW = Date.UTC(2026, 10, 22);

test('parseMasterKey reads hex and base64', () => {
  const bytes = Buffer.from('fb'.repeat(32), 'hex');
  for (const text of [
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    ` ${bytes.toString('hex')}\n`,
  ]) {
    assert.deepEqual(Buffer.from(parseMasterKey(text) ?? []), bytes, text);
  }
});

test('parseMasterKey rejects everything that is not 32 bytes', () => {
  for (const text of [
    '',
    'secret',
    'ab'.repeat(31),
    'ab'.repeat(33),
    `${'ab'.repeat(31)}xy`,
    randomBytes(31).toString('base64'),
    randomBytes(33).toString('base64'),
    `${'ab'.repeat(16)} ${'ab'.repeat(16)}`,
    `0x${'ab'.repeat(31)}`,
  ]) {
    assert.equal(parseMasterKey(text), undefined, text);
  }
});

test('derived keys differ by purpose, and the id reveals none of them', () => {
  const bytes = randomBytes(32);
  const [one, same, other] = [new MasterKey(bytes), new MasterKey(bytes), new MasterKey(randomBytes(32))];
  assert.match(one.id, /^[0-9a-f]{16}$/);
  assert.equal(same.id, one.id);
  assert.notEqual(other.id, one.id);
  assert.ok(!bytes.toString('hex').includes(one.id));
  assert.deepEqual(one.derive('purpose'), same.derive('purpose'));
  assert.notDeepEqual(one.derive('purpose'), one.derive('another purpose'));
  assert.notDeepEqual(one.derive('purpose'), other.derive('purpose'));
  assert.throws(() => new MasterKey(randomBytes(16)), /32 bytes, not 16/);
});

describe('the key file', () => {
  test('is created once, readable only by its owner, together with its folders', async (t) => {
    const path = join(await temporaryFolder(t), 'new', 'folder', 'master.key');
    const made = loadMasterKeyFile(path);
    assert.deepEqual([made.created, made.bytes.length], [true, 32]);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await stat(join(path, '..'))).mode & 0o777, 0o700);
    assert.deepEqual(await readdir(join(path, '..')), ['master.key']);

    const loaded = loadMasterKeyFile(path);
    assert.deepEqual([loaded.created, loaded.bytes], [false, made.bytes]);
  });

  test('can be written by hand', async (t) => {
    const path = join(await temporaryFolder(t), 'master.key');
    const bytes = randomBytes(32);
    await writeFile(path, `\n${bytes.toString('base64')}\r\n`, { mode: 0o600 });
    assert.deepEqual(Buffer.from(loadMasterKeyFile(path).bytes), bytes);
  });

  test('is the same for servers that start concurrently', async (t) => {
    const folder = await temporaryFolder(t);
    const starting = new Int32Array(new SharedArrayBuffer(4));
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(({ loadMasterKeyFile }) => {
        parentPort.postMessage('ready');
        Atomics.wait(workerData.starting, 0, 0);
        parentPort.postMessage(loadMasterKeyFile(workerData.path));
      });`;
    const workerData = {
      module: new URL('masterKey.ts', import.meta.url).href,
      path: join(folder, 'master.key'),
      starting,
    };
    const workers = Array.from({ length: 4 }, () => new Worker(code, { eval: true, workerData }));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const loading = workers.map(async (worker) => {
      const [loaded] = await once(worker, 'message');
      return loaded as ReturnType<typeof loadMasterKeyFile>;
    });
    Atomics.store(starting, 0, 1);
    Atomics.notify(starting, 0);

    const loaded = await Promise.all(loading);
    assert.equal(new Set(loaded.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size, 1);
    assert.equal(loaded.filter(({ created }) => created).length, 1);
    assert.deepEqual(await readdir(folder), ['master.key']);
  });

  test('is rejected by name if it contains no key, and stays unchanged', async (t) => {
    const path = join(await temporaryFolder(t), 'master.key');
    const key = randomBytes(32).toString('hex');
    for (const contents of ['', '\n', key.slice(0, 40), `${key}${key}`, 'key = secret']) {
      await writeFile(path, contents, { mode: 0o600 });
      assert.throws(
        () => loadMasterKeyFile(path),
        ({ message }: Error) => message.includes(path) && (contents.length < 10 || !message.includes(contents)),
      );
      assert.equal(await readFile(path, 'utf8'), contents);
    }
    assert.deepEqual(await readdir(join(path, '..')), ['master.key']);
  });

  test('is not replaced if it cannot be read', async (t) => {
    const path = join(await temporaryFolder(t), 'master.key');
    await mkdir(path);
    assert.throws(() => loadMasterKeyFile(path), { code: 'EISDIR' });
  });
});

test('a missing key file is created only for a new database', async (t) => {
  const store = await openTestStore(t);
  const path = join(await temporaryFolder(t), 'master.key');
  await requireMasterKeyFile(store, path);
  const masterKey = new MasterKey(loadMasterKeyFile(path).bytes);
  await bindMasterKey(store, masterKey, NOW);
  await requireMasterKeyFile(store, path);
  await rm(path);
  await assert.rejects(
    requireMasterKeyFile(store, path),
    ({ message }: Error) => message.includes(path) && message.includes(masterKey.id),
  );
});

test('a database is bound to its first master key', async (t) => {
  const store = await openTestStore(t);
  const [right, wrong] = [new MasterKey(randomBytes(32)), new MasterKey(randomBytes(32))];
  await bindMasterKey(store, right, NOW);
  await bindMasterKey(store, right, NOW + 1);
  await assert.rejects(
    bindMasterKey(store, wrong, NOW),
    (error) => error instanceof WrongMasterKeyError && error.message.includes(right.id),
  );
  await bindMasterKey(store, right, NOW + 2);
  const rows = await store.transaction(({ db }) => db.selectFrom('master_keys').selectAll().execute());
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [{ master_key_id: right.id, created_at: NOW }],
  );
});

test('servers with different keys start concurrently on a new database: exactly one succeeds', async (t) => {
  const store = await openTestStore(t);
  const servers = Array.from({ length: 4 }, () => new MasterKey(randomBytes(32)));
  // All connect before any of them begins.
  await Promise.all(servers.map(() => store.transaction(findMasterKeyIds)));
  const outcomes = await Promise.allSettled(servers.map((masterKey) => bindMasterKey(store, masterKey, NOW)));
  assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected', 'rejected', 'rejected']);
  assert.equal((await store.transaction(findMasterKeyIds)).length, 1);
});
