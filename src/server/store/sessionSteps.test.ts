// Queries of session steps.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { openTestStore } from '../../../test/support/store.ts';
import {
  countUse,
  deleteSession,
  findChildSteps,
  findLastUse,
  findSealedResponse,
  findStep,
  insertStep,
  replaceOtherSteps,
  type SessionStep,
} from './sessionSteps.ts';
import type { Transaction } from './store.ts';
import { insertUser } from './users.ts';

type Changes = Partial<SessionStep>;

function newStep(changes: Changes = {}): SessionStep {
  return {
    step_id: randomBytes(32),
    session_id: randomBytes(16),
    parent_id: null,
    suite: 1,
    user_id: null,
    recovery_id: null,
    sealed_secret: randomBytes(8),
    epoch_id: null,
    request_hash: null,
    sealed_response: null,
    repeatable: 0,
    used: 0,
    last_used_at: 1,
    started_at: 3,
    ...changes,
  };
}

async function createHarness(t: TestContext) {
  const store = await openTestStore(t);
  const within = <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> => store.transaction(work);
  return {
    in: within,
    async insert(changes: Changes = {}): Promise<SessionStep> {
      const step = newStep(changes);
      await within((tx) => insertStep(tx, step));
      return step;
    },
    find: (step: SessionStep) => within((tx) => findStep(tx, step.step_id)),
    /** Replaces the other steps like the first request with a step. */
    replaceOthers: (step: SessionStep, next: SessionStep) =>
      within(async (tx) => {
        const found = await findStep(tx, step.step_id);
        await replaceOtherSteps(tx, found ?? assert.fail('the step is gone'), next);
      }),
    answerOf: (step: SessionStep, requestHash: Uint8Array) => within((tx) => findSealedResponse(tx, step, requestHash)),
    async insertUser(): Promise<Uint8Array> {
      const userId = randomBytes(16);
      const name = userId.toString('hex');
      const names = { username: name, username_key: name, email: name, email_key: name };
      await within((tx) => insertUser(tx, { user_id: userId, ...names, password_hash: '', created_at: 1 }));
      return userId;
    },
    /** Reports for each step whether it exists. */
    areThere: (steps: readonly SessionStep[]) =>
      within(async (tx) => {
        const found: boolean[] = [];
        for (const { step_id } of steps) found.push((await findStep(tx, step_id)) !== undefined);
        return found;
      }),
  };
}

/** Converts bytes, which the drivers return as different classes. */
function bytesOf(row: object | undefined): Record<string, unknown> {
  const entries = Object.entries(row ?? {}).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? Buffer.from(value) : value,
  ]);
  return Object.fromEntries(entries);
}

describe('session steps', () => {
  test('an answer is found by the step and the hash of its request', async (t) => {
    const { insert, answerOf } = await createHarness(t);
    const step = await insert();
    const hash = randomBytes(32);
    const origin = { parent_id: step.step_id, session_id: step.session_id };
    const child = await insert({ ...origin, request_hash: hash, sealed_response: randomBytes(40) });
    await insert({ ...origin, request_hash: randomBytes(32), sealed_response: randomBytes(40) });
    assert.deepEqual(Buffer.from((await answerOf(step, hash)) ?? []), child.sealed_response);
    assert.equal(await answerOf(step, randomBytes(32)), undefined);
    assert.equal(await answerOf(child, hash), undefined);
  });

  test('every request without a stored answer leads to its own step', async (t) => {
    const { insert, in: within } = await createHarness(t);
    const step = await insert();
    const origin = { parent_id: step.step_id, session_id: step.session_id, repeatable: 1 };
    await insert({ ...origin, last_used_at: 3 });
    const oldest = await insert({ ...origin, last_used_at: 2 });
    await insert({ parent_id: randomBytes(32), session_id: step.session_id });
    const children = await within((tx) => findChildSteps(tx, step));
    assert.equal(children.length, 2);
    assert.deepEqual(Buffer.from(children[0]?.step_id ?? []), oldest.step_id);
  });

  test('uses of a step are counted, and findLastUse returns the latest use of the session', async (t) => {
    const { insert, in: within, find } = await createHarness(t);
    const [step, stranger] = [await insert({ last_used_at: 5 }), await insert()];
    await insert({ session_id: step.session_id, last_used_at: 6 });
    for (const uses of [1, 2]) {
      await within((tx) => countUse(tx, step.step_id));
      assert.equal((await find(step))?.used, uses);
    }
    assert.equal(await within((tx) => findLastUse(tx, step.session_id)), 6);
    const { used, last_used_at } = (await find(stranger)) ?? {};
    assert.deepEqual([used, last_used_at], [0, 1]);
  });

  test('replaceOtherSteps keeps the used step and the next one, and deletes all others', async (t) => {
    const { insert, insertUser: newUser, replaceOthers, find, areThere } = await createHarness(t);
    const user = await newUser();
    const stranger = await insert({ user_id: user });
    /** Uses of the parent, number of its other children, and users of the parent, the step and the next step. */
    const cases = [
      { used: 1, siblings: 0, users: [null, null, null] },
      { used: 1, siblings: 0, users: [user, user, user] },
      { used: 1, siblings: 0, users: [null, user, user] },
      { used: 1, siblings: 0, users: [null, null, user] },
      { used: 2, siblings: 1, users: [user, user, user] },
      { used: 3, siblings: 2, users: [null, null, null] },
    ] as const;
    for (const { used, siblings, users } of cases) {
      const parent = await insert({ used, user_id: users[0] });
      const origin = { parent_id: parent.step_id, session_id: parent.session_id };
      const step = await insert({ ...origin, user_id: users[1] });
      const others = [parent];
      while (others.length <= siblings) others.push(await insert({ ...origin, user_id: users[1] }));
      const next = newStep({
        ...{ session_id: step.session_id, parent_id: step.step_id, user_id: users[2], last_used_at: 8 },
        ...{ recovery_id: randomBytes(16), request_hash: randomBytes(32), sealed_response: randomBytes(99) },
      });
      await replaceOthers(step, next);
      const note = JSON.stringify({ used, siblings, users });
      assert.deepEqual(await areThere(others), Array(others.length).fill(false), note);
      assert.deepEqual(await areThere([step, next, stranger]), [true, true, true], note);
      const { request_hash: _, sealed_response: __, repeatable: ___, ...wanted } = next;
      assert.deepEqual(bytesOf(await find(next)), bytesOf(wanted), note);
    }
  });

  test('the first request of a session replaces no step', async (t) => {
    const { insert, replaceOthers, areThere } = await createHarness(t);
    const [handshake, stranger] = [await insert(), await insert()];
    const next = newStep({ session_id: handshake.session_id, parent_id: handshake.step_id });
    await replaceOthers(handshake, next);
    assert.deepEqual(await areThere([handshake, next, stranger]), [true, true, true]);
  });

  test('deleteSession deletes all steps of one session', async (t) => {
    const { insert, in: within, areThere } = await createHarness(t);
    const [step, stranger] = [await insert(), await insert()];
    const other = await insert({ session_id: step.session_id });
    await within((tx) => deleteSession(tx, step.session_id));
    assert.deepEqual(await areThere([step, other, stranger]), [false, false, true]);
  });
});
