// The state folder on disk.
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readCommonOptions } from '../commonOptions.ts';
import { CommandError } from '../errors.ts';
import { withLock } from './lock.ts';
import { StateFolder } from './state.ts';

const URL = 'http://127.0.0.1:5000';
const PIN = 'A'.repeat(43);

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'vws-state-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('the state folder is created when it is needed; only the user can access it', async (t) => {
  const folder = join(newFolder(t), 'a', 'state');
  const server = new StateFolder(folder).ofServer(URL);
  assert.equal(server.readPin(), undefined);
  assert.equal(server.session(2).load(), undefined);
  assert.equal(existsSync(folder), false);
  await server.withLock(async () => {
    server.changePin(PIN);
    await server.session(2).save('session');
  });
  await new StateFolder(folder).saveServer(URL);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    assert.equal(statSync(path).mode & 0o777, entry.isDirectory() ? 0o700 : 0o600, path);
  }
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(new StateFolder(folder).readServer(), URL);
  assert.deepEqual([server.readPin(), server.session(2).load()], [PIN, 'session']);
});

test('servers and suites have separate state; a new fingerprint deletes the session', async (t) => {
  const state = new StateFolder(newFolder(t));
  const [one, other] = [state.ofServer(URL), state.ofServer(`${URL}/other`)];
  await one.withLock(async () => one.session(2).save('session of one'));
  await one.withLock(async () => one.session(1).save('session of suite 1'));
  await other.withLock(async () => other.session(2).save('session of the other'));
  one.changePin('first');
  assert.equal(one.session(2).load(), 'session of one');
  one.changePin('second');
  assert.equal(one.session(2).load(), undefined);
  assert.equal(one.session(1).load(), 'session of suite 1');
  assert.equal(other.session(2).load(), 'session of the other');
  other.session(2).clear();
  assert.equal(other.session(2).load(), undefined);
});

test('a folder that other users can write to, or a file in its place, is refused', async (t) => {
  const folder = newFolder(t);
  const open = join(folder, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  await assert.rejects(
    new StateFolder(open).ofServer(URL).withLock(async () => {}),
    (error) => error instanceof CommandError && error.code === 'state_unusable',
  );
  writeFileSync(join(folder, 'file'), '');
  await assert.rejects(new StateFolder(join(folder, 'file')).saveServer(URL), CommandError);
});

test('a folder of another user is refused', { skip: process.getuid?.() !== 0 }, async (t) => {
  const folder = newFolder(t);
  chownSync(folder, 12_345, 12_345);
  const isForeign = (error: unknown) =>
    error instanceof CommandError && error.code === 'state_unusable' && /belongs to another user/.test(error.message);
  await assert.rejects(new StateFolder(folder).saveServer(URL), isForeign);
  assert.throws(() => readCommonOptions({ state: folder }, { environment: {} }), isForeign);
});

test('a folder that other users can write to is not read', (t) => {
  const folder = newFolder(t);
  writeFileSync(join(folder, 'server'), 'http://planted.example.org');
  chmodSync(folder, 0o770);
  assert.throws(
    () => readCommonOptions({ state: folder }, { environment: {} }),
    (error) => error instanceof CommandError && error.code === 'state_unusable',
  );
  chmodSync(folder, 0o755);
  assert.equal(readCommonOptions({ state: folder }, { environment: {} }).url, 'http://planted.example.org');
});

test('the partial file of a killed command is ignored', async (t) => {
  const folder = newFolder(t);
  const server = new StateFolder(folder).ofServer(URL);
  await server.withLock(async () => server.session(2).save('first'));
  const [name = ''] = readdirSync(join(folder, 'servers'));
  writeFileSync(join(folder, 'servers', name, 'session.new'), 'secon'.repeat(100));
  assert.equal(server.session(2).load(), 'first');
  await server.withLock(async () => server.session(2).save('second'));
  assert.equal(server.session(2).load(), 'second');
});

test('the lock is exclusive: others wait until it is released or their timeout ends', async (t) => {
  const file = join(newFolder(t), 'lock');
  const order: string[] = [];
  const first = Promise.withResolvers<void>();
  const holding = Promise.withResolvers<void>();
  const one = withLock(file, async () => {
    holding.resolve();
    await first.promise;
    order.push('one');
  });
  await holding.promise;
  const impatient = withLock(file, async () => order.push('impatient'), 100);
  await assert.rejects(impatient, (error) => error instanceof CommandError && error.code === 'state_in_use');
  const two = withLock(file, async () => order.push('two'));
  first.resolve();
  await Promise.all([one, two]);
  assert.deepEqual(order, ['one', 'two']);
  await assert.rejects(
    withLock(file, async () => {
      throw new Error('error of the task');
    }),
    /error of the task/,
  );
  await withLock(file, async () => order.push('three'), 0);
  assert.deepEqual(order, ['one', 'two', 'three']);
});

test('corrupted files are reported, never replaced by defaults', async (t) => {
  const folder = newFolder(t);
  const state = new StateFolder(folder);
  const server = state.ofServer(URL);
  await state.saveServer(URL);
  await server.withLock(async () => server.changePin(PIN));
  const [serverFolder = ''] = readdirSync(join(folder, 'servers'));
  const inServer = (name: string) => join(folder, 'servers', serverFolder, name);
  const isUnusable = (error: unknown) => error instanceof CommandError && error.code === 'state_unusable';
  for (const text of ['', '\n', 'damaged']) {
    writeFileSync(inServer('pin'), text);
    assert.throws(() => server.readPin(), isUnusable);
  }
  writeFileSync(join(folder, 'server'), 'damaged');
  assert.throws(() => state.readServer(), isUnusable);
  writeFileSync(inServer('lock'), 'not a database '.repeat(100));
  await assert.rejects(
    server.withLock(async () => {}),
    isUnusable,
  );
  rmSync(inServer('lock'));
  mkdirSync(inServer('lock'));
  await assert.rejects(
    server.withLock(async () => {}),
    isUnusable,
  );
});
