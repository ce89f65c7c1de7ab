// KeyedMutex: order, failures and the bounded queue.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedMutex } from './keyedMutex.ts';

/** Records the pieces of work that started, in order; each one runs until the test ends it. */
function createWork() {
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<string>>();
  const endOf = (name: string) => {
    const end = ends.get(name) ?? Promise.withResolvers<string>();
    ends.set(name, end);
    return end;
  };
  return {
    begun,
    do: (name: string) => () => {
      begun.push(name);
      return endOf(name).promise;
    },
    end: (name: string) => endOf(name).resolve(name),
    fail: (name: string) => endOf(name).reject(new Error(name)),
  };
}

test('work on one key runs one at a time, in the order of the calls', async () => {
  const mutex = new KeyedMutex(10);
  const work = createWork();
  const [a, b, c] = ['a', 'b', 'c'].map((name) => mutex.run('key', work.do(name)));
  await mutex.run('another key', async () => {});
  assert.deepEqual(work.begun, ['a']);
  // Work that could end at once still waits for its turn.
  work.end('c');
  work.end('a');
  assert.equal(await a, 'a');
  await mutex.run('another key', async () => {});
  assert.deepEqual(work.begun, ['a', 'b']);
  work.end('b');
  assert.deepEqual(await Promise.all([b, c]), ['b', 'c']);
  assert.deepEqual(work.begun, ['a', 'b', 'c']);
});

test('work that fails does not affect the work behind it', async () => {
  const mutex = new KeyedMutex(10);
  const work = createWork();
  const [a, b] = ['a', 'b'].map((name) => mutex.run('key', work.do(name)));
  work.fail('a');
  await assert.rejects(a ?? Promise.resolve(), /^Error: a$/);
  work.end('b');
  assert.equal(await b, 'b');
});

test('a full queue of one key rejects calls as overloaded; other keys are not affected', async () => {
  const mutex = new KeyedMutex(2);
  const work = createWork();
  const [a, b] = ['a', 'b'].map((name) => mutex.run('key', work.do(name)));
  await assert.rejects(mutex.run('key', work.do('c')), { code: 'overloaded', retryAfterSeconds: 1 });
  work.end('d');
  assert.equal(await mutex.run('another key', work.do('d')), 'd');
  work.end('a');
  await a;
  work.end('e');
  const e = mutex.run('key', work.do('e'));
  work.end('b');
  assert.deepEqual(await Promise.all([b, e]), ['b', 'e']);
  assert.deepEqual(work.begun, ['a', 'd', 'b', 'e']);
});
