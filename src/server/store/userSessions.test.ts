// Queries of the sessions of a user.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { eventually } from '../../../test/support/poll.ts';
import { openTestStore } from '../../../test/support/store.ts';
import { findLabels, upsertLabel } from './sessionLabels.ts';
import { countUse, findStep, insertStep, replaceOtherSteps, type SessionStep } from './sessionSteps.ts';
import type { Transaction } from './store.ts';
import {
  deleteOtherSessionsOfUser,
  deleteSessionOfUser,
  findSessionsOfUser,
  forgetUserOfSession,
  keepLastUsedSessions,
} from './userSessions.ts';
import { insertUser } from './users.ts';

type Changes = Partial<SessionStep>;

async function createHarness(t: TestContext) {
  const store = await openTestStore(t);
  const within = <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> => store.transaction(work);
  return {
    engine: store.engine,
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
        epoch_id: null,
        request_hash: null,
        sealed_response: null,
        repeatable: 0,
        used: 0,
        last_used_at: 1,
        started_at: 0,
        ...changes,
      };
      await within((tx) => insertStep(tx, step));
      return step;
    },
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

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('findSessionsOfUser', () => {
  test('returns each session of the user once, the last used first', async (t) => {
    const { insert, insertUser: newUser, in: within } = await createHarness(t);
    const [user, somebodyElse] = [await newUser(), await newUser()];
    const first = await insert({ user_id: user, suite: 2, started_at: 10, last_used_at: 50 });
    // Set at one step only, like after an upgrade.
    await insert({ session_id: first.session_id, user_id: user, suite: 2, last_used_at: 70 });
    const second = await insert({ user_id: user, last_used_at: 60, started_at: 20 });
    await insert({ session_id: second.session_id, last_used_at: 55, started_at: 20 });
    await insert({ user_id: somebodyElse, last_used_at: 90 });
    await insert({ last_used_at: 90 });
    const sessions = await within((tx) => findSessionsOfUser(tx, user, 0, 10));
    assert.deepEqual(
      sessions.map(({ session_id, ...session }) => ({ id: hex(session_id), ...session })),
      [
        { id: hex(first.session_id), suite: 2, started_at: 10, last_used_at: 70 },
        { id: hex(second.session_id), suite: 1, started_at: 20, last_used_at: 60 },
      ],
    );
  });

  test('returns only sessions with a step used after the given time, up to the limit', async (t) => {
    const { insert, insertUser: newUser, in: within } = await createHarness(t);
    const user = await newUser();
    const at = async (time: number) => insert({ user_id: user, last_used_at: time });
    const [, , newest] = [await at(100), await at(101), await at(103)];
    const byItsOtherStep = await at(100);
    await insert({ session_id: byItsOtherStep.session_id, last_used_at: 102 });
    const find = async (since: number, limit: number) =>
      (await within((tx) => findSessionsOfUser(tx, user, since, limit))).map(({ last_used_at }) => last_used_at);
    assert.deepEqual(await find(99, 10), [103, 102, 101, 100]);
    assert.deepEqual(await find(100, 10), [103, 102, 101]);
    assert.deepEqual(await find(100, 2), [103, 102]);
    assert.deepEqual(await find(newest.last_used_at, 10), []);
  });
});

describe('deleteSessionOfUser', () => {
  test('deletes every step of that session and of no other', async (t) => {
    const { insert, insertUser: newUser, in: within, areThere } = await createHarness(t);
    const user = await newUser();
    const step = await insert({ user_id: user });
    const anonymousStep = await insert({ session_id: step.session_id });
    const another = await insert({ user_id: user });
    assert.equal(await within((tx) => deleteSessionOfUser(tx, user, step.session_id)), true);
    assert.deepEqual(await areThere([step, anonymousStep, another]), [false, false, true]);
    assert.equal(await within((tx) => deleteSessionOfUser(tx, user, step.session_id)), false);
  });

  test('deletes no session of another user or without a login', async (t) => {
    const { insert, insertUser: newUser, in: within, areThere } = await createHarness(t);
    const [user, somebodyElse] = [await newUser(), await newUser()];
    await insert({ user_id: user });
    const steps = [await insert({ user_id: somebodyElse }), await insert()];
    for (const { session_id } of steps) {
      assert.equal(await within((tx) => deleteSessionOfUser(tx, user, session_id)), false);
    }
    assert.deepEqual(await areThere(steps), [true, true]);
  });
});

test('forgetUserOfSession removes user and recovery from every step of one session', async (t) => {
  const { insert, insertUser: newUser, in: within } = await createHarness(t);
  const user = await newUser();
  const step = await insert({ user_id: user, recovery_id: randomBytes(16) });
  const sibling = await insert({ session_id: step.session_id, user_id: user, recovery_id: randomBytes(16) });
  const another = await insert({ user_id: user, recovery_id: randomBytes(16) });
  await within((tx) => forgetUserOfSession(tx, step.session_id));
  for (const { step_id } of [step, sibling]) {
    const found = await within((tx) => findStep(tx, step_id));
    assert.deepEqual([found?.user_id, found?.recovery_id], [null, null]);
  }
  const untouched = await within((tx) => findStep(tx, another.step_id));
  assert.equal(hex(untouched?.user_id ?? new Uint8Array()), hex(user));
  assert.notEqual(untouched?.recovery_id, null);
});

test('deleteOtherSessionsOfUser deletes all steps, even if only one of them is logged in', async (t) => {
  const { insert, insertUser: newUser, in: within, areThere } = await createHarness(t);
  const [user, somebodyElse] = [await newUser(), await newUser()];
  const own = await insert({ user_id: user });
  const anonymousStep = await insert();
  const loggedInStep = await insert({ user_id: user, session_id: anonymousStep.session_id });
  const earlierOwn = await insert({ session_id: own.session_id });
  const others = await insert({ user_id: somebodyElse });
  const anonymous = await insert();
  await within((tx) => deleteOtherSessionsOfUser(tx, user, own.session_id));
  assert.deepEqual(await areThere([own, earlierOwn, others, anonymous]), [true, true, true, true]);
  assert.deepEqual(await areThere([anonymousStep, loggedInStep]), [false, false]);
});

describe('a session that advances while it is ended', () => {
  /**
   * Ends sessions of a user while a request of one of them is between its new step and its commit.
   *
   * @returns the remaining steps
   */
  async function endInBetween(
    t: TestContext,
    end: (tx: Transaction, userId: Uint8Array, step: SessionStep) => unknown,
  ) {
    const { engine, insert, insertUser: newUser, in: within, areThere } = await createHarness(t);
    const user = await newUser();
    const step = await insert({ user_id: user });
    const next = { ...step, step_id: randomBytes(32), parent_id: step.step_id };
    const [made, mayCommit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const request = within(async (tx) => {
      const found = (await findStep(tx, step.step_id)) ?? assert.fail();
      await countUse(tx, step.step_id);
      await replaceOtherSteps(tx, found, next);
      made.resolve();
      await mayCommit.promise;
    });
    await made.promise;
    const isWaiting = ({ db }: Transaction) =>
      sql`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(db);
    const ending = within(async (tx) => end(tx, user, step));
    // On SQLite it does not begin before.
    if (engine === 'postgres') await eventually('the lock', async () => (await within(isWaiting)).rows[0]);
    mayCommit.resolve();
    await Promise.all([request, ending]);
    return areThere([step, next]);
  }

  test('is deleted, including the new step', async (t) => {
    const endOthers = (tx: Transaction, user: Uint8Array) => deleteOtherSessionsOfUser(tx, user, randomBytes(16));
    assert.deepEqual(await endInBetween(t, endOthers), [false, false]);
  });

  test('is deleted, also if only this session is ended', async (t) => {
    const endThis = async (tx: Transaction, user: Uint8Array, { session_id }: SessionStep) =>
      assert.equal(await deleteSessionOfUser(tx, user, session_id), true);
    assert.deepEqual(await endInBetween(t, endThis), [false, false]);
  });
});

test('keepLastUsedSessions: deletes the least recently used sessions of the user, and never the own one', async (t) => {
  const harness = await createHarness(t);
  const [ada, bob] = [await harness.insertUser(), await harness.insertUser()];
  const own = await harness.insert({ user_id: ada, last_used_at: 1 });
  const old = await harness.insert({ user_id: ada, last_used_at: 2 });
  const otherStepOfOld = await harness.insert({ session_id: old.session_id, last_used_at: 9 });
  const recent = await harness.insert({ user_id: ada, last_used_at: 4 });
  const usedAgain = await harness.insert({ user_id: ada, last_used_at: 3 });
  const laterStep = await harness.insert({ user_id: ada, session_id: usedAgain.session_id, last_used_at: 5 });
  const others = [await harness.insert({ user_id: bob, last_used_at: 1 }), await harness.insert({ last_used_at: 1 })];
  const steps = [own, old, otherStepOfOld, recent, usedAgain, laterStep, ...others];
  const keep = (count: number) => harness.in((tx) => keepLastUsedSessions(tx, ada, own.session_id, count));
  for (const { session_id } of [own, old, recent]) {
    await harness.in((tx) => upsertLabel(tx, { session_id, user_id: ada, label: 'x', created_at: 1 }));
  }
  const labeled = async () => (await harness.in((tx) => findLabels(tx, ada))).map(({ session_id }) => hex(session_id));
  await keep(3);
  assert.deepEqual(await harness.areThere(steps), [true, true, true, true, true, true, true, true]);
  await keep(2);
  assert.deepEqual(await harness.areThere(steps), [true, false, false, true, true, true, true, true]);
  await keep(1);
  assert.deepEqual(await harness.areThere(steps), [true, false, false, false, true, true, true, true]);
  assert.deepEqual(await labeled(), [hex(own.session_id)]);
});
