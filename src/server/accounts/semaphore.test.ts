// The queue for password hashing: turns of addresses, preferred work, a bound on its length and on the wait.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_WAIT_MS, Semaphore } from './semaphore.ts';

interface Harness {
  readonly order: string[];
  readonly rejected: string[];
  /** Waits in the queue under a name such as `a1`, whose first letter is the lane; capital letters are preferred. */
  enqueue(...names: string[]): void;
  /** Finishes the work that runs, and what follows it. */
  drain(): Promise<void>;
}

function createHarness(queueLimit: number): Harness {
  const semaphore = new Semaphore(1, queueLimit);
  const gate = Promise.withResolvers<void>();
  const order: string[] = [];
  const rejected: string[] = [];
  const all: Promise<void>[] = [semaphore.run(() => gate.promise, { lane: '', isPreferred: false })];
  return {
    order,
    rejected,
    enqueue(...names) {
      for (const name of names) {
        const lane = name[0]?.toLowerCase() ?? '';
        const place = { lane, isPreferred: lane !== name[0] };
        const work = async () => {
          order.push(name);
        };
        all.push(
          semaphore.run(work, place).catch((problem) => {
            assert.equal(problem.code, 'overloaded');
            rejected.push(name);
          }),
        );
      }
    },
    async drain() {
      gate.resolve();
      await Promise.all(all);
    },
  };
}

test('addresses take turns, each in its own order', async () => {
  const { order, enqueue, drain } = createHarness(100);
  enqueue('a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1');
  await drain();
  assert.deepEqual(order, ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
});

test('preferred work goes first, also by turns', async () => {
  const { order, enqueue, drain } = createHarness(100);
  enqueue('a1', 'b1', 'A1', 'A2', 'C1');
  await drain();
  assert.deepEqual(order, ['A1', 'C1', 'A2', 'a1', 'b1']);
});

test('other work gets every fourth turn', async () => {
  const { order, enqueue, drain } = createHarness(100);
  enqueue('a1', 'b1', 'A1', 'A2', 'A3', 'A4', 'C1', 'C2', 'C3');
  await drain();
  assert.deepEqual(order, ['A1', 'C1', 'A2', 'a1', 'C2', 'A3', 'C3', 'b1', 'A4']);
});

test('a full queue rejects the longest lane, so that one address cannot take all places', async () => {
  const { order, rejected, enqueue, drain } = createHarness(4);
  enqueue('a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'b2', 'b3', 'c1');
  await drain();
  assert.deepEqual(order, ['a1', 'b1', 'c1', 'b2']);
  assert.deepEqual(rejected.toSorted(), ['a2', 'a3', 'a4', 'a5', 'b3']);
});

test('a full queue gives places to preferred work', async () => {
  const { order, rejected, enqueue, drain } = createHarness(3);
  enqueue('a1', 'b1', 'c1', 'D1', 'E1', 'F1', 'G1');
  await drain();
  assert.deepEqual(order, ['D1', 'E1', 'F1']);
  assert.equal(rejected.length, 4);
});

test('a full queue rejects preferred work of one address in favor of another address', async () => {
  const { order, rejected, enqueue, drain } = createHarness(4);
  enqueue('A1', 'A2', 'A3', 'A4', 'b1', 'A5');
  await drain();
  assert.deepEqual(order, ['A1', 'A2', 'A3', 'b1']);
  assert.deepEqual(rejected.toSorted(), ['A4', 'A5']);
});

test('work that waits too long is rejected, and leaves its place', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { order, rejected, enqueue, drain } = createHarness(3);
  enqueue('a1', 'a2', 'B1');
  t.mock.timers.tick(MAX_WAIT_MS - 1);
  await Promise.resolve();
  assert.deepEqual(rejected, []);
  t.mock.timers.tick(1);
  enqueue('a3', 'b4');
  await drain();
  assert.deepEqual(rejected, ['a1', 'a2', 'B1']);
  assert.deepEqual(order, ['a3', 'b4']);
});
