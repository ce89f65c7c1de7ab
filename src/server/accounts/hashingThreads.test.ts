// Priority of the hashing threads.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, platform } from 'node:os';
import { test } from 'node:test';
import { lowerHashingPriority } from './hashingThreads.ts';
import { PasswordHasher } from './passwordHasher.ts';

const COST = { memory: 8, iterations: 1 };

test('hashing threads have a lower priority than the main thread', { skip: platform() !== 'linux' }, async () => {
  await PasswordHasher.create({ pepper: new Uint8Array(32), cost: COST, queueLimit: 1, concurrency: 1 });
  const own = getPriority();
  const lowered = lowerHashingPriority();
  const priorities = new Map<number, number>();
  for (const thread of readdirSync('/proc/self/task').map(Number)) {
    const isOfPool = readFileSync(`/proc/self/task/${thread}/comm`, 'latin1').startsWith('libuv-worker');
    if (isOfPool) priorities.set(thread, getPriority(thread));
  }
  assert.ok(lowered > 0);
  assert.equal(priorities.size, lowered);
  for (const priority of priorities.values()) assert.ok(priority > own, `${priority}`);
  assert.equal(getPriority(process.pid), own);
});
