// The epoch file: creation, the change of keys, crashes, damage.
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { newEpochPath, openEpochs } from '../../../test/support/epochs.ts';
import { type Epoch, EpochFile } from './epochFile.ts';

const keyOf = (epoch: Epoch | undefined) => Buffer.from(epoch?.key ?? []).toString('hex');
const contains = (path: string, key: string) => readFileSync(path).includes(Buffer.from(key, 'hex'));

test('is created with mode 0600 and one random key, which every process reads', (t) => {
  const path = newEpochPath(t);
  const [one, other] = [openEpochs(t, path, 5).file, openEpochs(t, path, 9).file];
  const { current, previous, unfinished } = one.read();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual([current.createdAt, current.key.length, previous, unfinished], [5, 32, undefined, undefined]);
  assert.equal(keyOf(other.read().current), keyOf(current));
  assert.notEqual(keyOf(openEpochs(t).file.read().current), keyOf(current));
});

test('a new key is current at once, the previous one is readable until it is destroyed, also by other processes', (t) => {
  const path = newEpochPath(t);
  const [one, other] = [openEpochs(t, path).file, openEpochs(t, path).file];
  const first = keyOf(one.read().current);
  one.begin(60);
  const { current, previous } = other.read();
  assert.deepEqual([keyOf(previous), current.createdAt], [first, 60]);
  assert.notEqual(keyOf(current), first);
  other.begin(120);
  assert.equal(keyOf(one.read().current), keyOf(current), 'no third key while the previous one is needed');
  other.destroyPrevious(current.id);
  assert.equal(one.read().previous, undefined);
  assert.ok(!contains(path, first));
  assert.ok(contains(path, keyOf(current)));
  other.destroyPrevious(current.id);
  assert.equal(keyOf(one.read().current), keyOf(current));
});

test('a process that is late does not destroy a key of a later epoch', (t) => {
  const { file } = openEpochs(t);
  file.begin(60);
  const second = file.read().current;
  file.destroyPrevious(second.id);
  file.begin(120);
  file.destroyPrevious(second.id);
  assert.equal(keyOf(file.read().previous), keyOf(second));
});

test('is overwritten in place, and never grows', (t) => {
  const path = newEpochPath(t);
  const { file } = openEpochs(t, path);
  const { ino, size } = statSync(path);
  for (let time = 1; time <= 10; time++) {
    file.begin(time);
    file.destroyPrevious(file.read().current.id);
  }
  assert.deepEqual([statSync(path).ino, statSync(path).size], [ino, size]);
  assert.equal(file.read().current.createdAt, 10);
});

test('a crash during the creation of a key: the current one stays, and the next attempt completes it', (t) => {
  const path = newEpochPath(t);
  const { file } = openEpochs(t, path);
  const before = readFileSync(path);
  file.begin(60);
  const after = readFileSync(path);
  const changed = [...after.keys()].filter((index) => after[index] !== before[index]);
  const [start = 0, end = 0] = [changed[0], changed.at(-1)];
  assert.ok(start >= 4096, 'the block of the current key is not written');
  const [first, second] = [file.read().previous, file.read().current].map(keyOf);
  for (let written = start; written <= end; written++) {
    writeFileSync(path, Buffer.concat([after.subarray(0, written), before.subarray(written)]));
    const again = new EpochFile(path, 0);
    assert.equal(keyOf(again.read().current), first, `${written - start} bytes`);
    again.begin(90);
    assert.equal(keyOf(again.read().previous), first);
    assert.ok(keyOf(again.read().current) === second || written < end);
    again.close();
  }
});

test('a file without a key is an error with instructions', (t) => {
  const path = newEpochPath(t);
  writeFileSync(path, Buffer.alloc(8192));
  assert.throws(() => openEpochs(t, path).file.read(), /damaged. Remove it and start again/);
});
