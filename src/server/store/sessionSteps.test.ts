import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { openTestStore } from '../../../test/support/store.ts';
import {
  deleteOtherSteps,
  deleteSession,
  findAnsweredStep,
  findChildSteps,
  findStep,
  insertStep,
  markStepUsed,
  type SessionStep,
} from './sessionSteps.ts';
import type { Transaction } from './store.ts';

type Changes = Partial<SessionStep>;

async function createWorld(t: TestContext) {
  const store = await openTestStore(t);
  const within = <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> => store.transaction(work);
  return {
    in: within,
    async insert(changes: Changes = {}): Promise<SessionStep> {
      const step: SessionStep = {
        step_id: randomBytes(32),
        session_id: randomBytes(16),
        parent_id: null,
        suite: 1,
        user_id: null,
        recovery_id: null,
        sealed_secret: randomBytes(8),
        request_hash: null,
        sealed_answer: null,
        repeatable: 0,
        used: 0,
        last_used_at: 1,
        started_at: 0,
        ...changes,
      };
      await within((tx) => insertStep(tx, step));
      return step;
    },
    /** Whether each of the steps is there. */
    areThere: (steps: readonly SessionStep[]) =>
      within(async (tx) => {
        const found: boolean[] = [];
        for (const { step_id } of steps) found.push((await findStep(tx, step_id)) !== undefined);
        return found;
      }),
  };
}

describe('session steps', () => {
  test('the step that a request led to is found by the step that it was made with and its hash', async (t) => {
    const { insert, in: within } = await createWorld(t);
    const step = await insert();
    const request = { parent_id: step.step_id, request_hash: randomBytes(32), session_id: step.session_id };
    const child = await insert(request);
    assert.equal((await within((tx) => findChildSteps(tx, step))).length, 1);
    const found = await within((tx) => findAnsweredStep(tx, step, request.request_hash));
    assert.deepEqual(found && Buffer.from(found.step_id), child.step_id);
    assert.equal(await within((tx) => findAnsweredStep(tx, step, randomBytes(32))), undefined);
    assert.equal(await within((tx) => findAnsweredStep(tx, child, request.request_hash)), undefined);
  });

  test('requests whose answers are not stored lead to a step each', async (t) => {
    const { insert, in: within } = await createWorld(t);
    const step = await insert();
    const origin = { parent_id: step.step_id, session_id: step.session_id, repeatable: 1 };
    await insert({ ...origin, last_used_at: 3 });
    const oldest = await insert({ ...origin, last_used_at: 2 });
    await insert({ parent_id: randomBytes(32), session_id: step.session_id });
    const children = await within((tx) => findChildSteps(tx, step));
    assert.equal(children.length, 2);
    assert.deepEqual(Buffer.from(children[0]?.step_id ?? []), oldest.step_id);
  });

  test('marking, and deleting all others, touches one step, or one session', async (t) => {
    const { insert, in: within, areThere } = await createWorld(t);
    const stranger = await insert();
    const step = await insert();
    const others = [await insert({ session_id: step.session_id }), await insert({ session_id: step.session_id })];
    await within((tx) => markStepUsed(tx, step.step_id, 77));
    const marked = await within((tx) => findStep(tx, step.step_id));
    assert.deepEqual([marked?.used, marked?.last_used_at], [1, 77]);
    assert.equal((await within((tx) => findStep(tx, stranger.step_id)))?.used, 0);
    await within((tx) => deleteOtherSteps(tx, step));
    assert.deepEqual(await areThere([step, ...others, stranger]), [true, false, false, true]);
    await within((tx) => deleteSession(tx, step.session_id));
    assert.deepEqual(await areThere([step, stranger]), [false, true]);
  });
});
