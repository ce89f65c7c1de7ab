// Property: no loss on the network executes a request twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, asyncProperty, boolean, assert as check, constantFrom, integer, record } from 'fast-check';
import { createHarness, createMemoryStorage, PASSWORD } from '../../test/support/client/harness.ts';
import { answerWith, type Fault, loseRequest, loseResponse, tamper } from '../../test/support/client/network.ts';
import { VwsError } from './index.ts';

const repeated: Fault = async (_, forward) => {
  await forward();
  await forward();
  return forward();
};
const manipulated = tamper(({ status, json }) => ({ status, json: { ...(json as object), payload: 'AAAA' } }));
const none: Fault = (_, forward) => forward();
const FAULTS = { loseRequest, loseResponse, repeated, manipulated, unavailable: answerWith(503, {}), none };

const step = record({
  faults: array(constantFrom(...(Object.keys(FAULTS) as (keyof typeof FAULTS)[])), { maxLength: 3 }),
  /** The deadline is too short for resending: the next call resolves the request if it was sent. */
  givesUp: boolean(),
  /** The client restarts from its storage. */
  restarts: boolean(),
  pause: integer({ min: 0, max: 90_000 }),
});

test('with any lost, repeated or manipulated messages, each request is executed once and both sides stay in sync', async () => {
  await check(
    asyncProperty(array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const { server, network, clock, connect, join } = await createHarness();
      const storage = createMemoryStorage();
      let vws = await join('alice', { storage });
      const done = new Set<string>();
      for (const [i, { faults, givesUp, restarts, pause }] of steps.entries()) {
        clock.advance(pause);
        network.faults.push(...faults.map((name) => FAULTS[name]));
        const newUsername = `alice ${i}`;
        try {
          await vws.changeUsername({ newUsername, password: PASSWORD }, givesUp ? { deadline: 50 } : {});
          done.add(newUsername);
        } catch (error) {
          assert.ok(givesUp && error instanceof VwsError, `step ${i}: ${error}`);
          assert.ok(['network', 'bad_answer', 'overloaded'].includes(error.code), error.code);
        }
        network.faults.length = 0;
        if (restarts) vws = await connect({ storage });
      }
      const { username } = await vws.getAccount();

      const [session] = server.sessions.values();
      assert.equal(server.sessions.size, 1);
      assert.equal(session?.n, server.executions.length);
      assert.deepEqual(
        server.executions.map(({ n }) => n),
        server.executions.map((_, i) => i),
      );
      const changes = server.executions.filter(({ path }) => path === '/change_username');
      const names = changes.map(({ fields }) => String(fields.new_username));
      assert.deepEqual(
        names,
        steps.map((_, i) => `alice ${i}`).filter((name) => names.includes(name)),
        'in order, each at most once',
      );
      for (const name of done) assert.ok(names.includes(name), `${name} was executed`);
      assert.equal(username, names.at(-1) ?? 'alice');
      const rekeys = server.executions.filter(({ withKemKey }) => withKemKey).map(({ n }) => n);
      for (const [i, n] of rekeys.entries()) assert.ok(n - (rekeys[i - 1] ?? 0) <= 16);
      assert.ok(server.executions.length - (rekeys.at(-1) ?? -17) <= 16);
    }),
    { numRuns: 25 },
  );
});
