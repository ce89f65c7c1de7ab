// Session labels: which texts are labels, and when they are deleted.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { outcomeOf } from '../../../test/support/accounts.ts';
import { openTestStore } from '../../../test/support/store.ts';
import { expiryTimes } from '../config/retention.ts';
import { deleteExpired } from '../store/expiry.ts';
import type { NewRow } from '../store/schema.ts';
import { findLabels } from '../store/sessionLabels.ts';
import { deleteSession } from '../store/sessionSteps.ts';
import { insertUser } from '../store/users.ts';
import { UserSessions } from './list.ts';
import type { LoggedInSession } from './session.ts';

const NOW = 1_000_000;
const IDLE_MS = 1_000;

async function createHarness(t: TestContext) {
  const store = await openTestStore(t);
  const rules = new UserSessions(IDLE_MS, () => NOW);
  const userId = randomBytes(16);
  const names = { username: 'ada', username_key: 'ada', email: 'a@b.org', email_key: 'a@b.org' };
  await store.transaction((tx) => insertUser(tx, { user_id: userId, ...names, password_hash: '', created_at: 0 }));

  /** Inserts a session that the user is logged in to. */
  async function open(suite = 2): Promise<LoggedInSession> {
    const id = randomBytes(16);
    const row: NewRow<'session_steps'> = {
      ...{ step_id: randomBytes(16), session_id: id, parent_id: null, suite, user_id: userId, recovery_id: null },
      ...{ sealed_secret: id, request_hash: null, sealed_response: null, repeatable: 0, used: 1, last_used_at: NOW },
    };
    await store.transaction(({ db }) => db.insertInto('session_steps').values(row).execute());
    return { id, suite, startedAt: NOW, userId, pendingId: null };
  }

  return {
    store,
    rules,
    open,
    label: (session: LoggedInSession, text: string) => store.transaction((tx) => rules.label(tx, session, text)),
    list: async (session: LoggedInSession) =>
      (await store.transaction((tx) => rules.list(tx, session))).map(({ current, label }) => [current, label]).sort(),
    labels: async () => (await store.transaction((tx) => findLabels(tx, userId))).map(({ label }) => label).sort(),
  };
}

test('the list shows the label of each session, the last one that was set', async (t) => {
  const { open, label, list } = await createHarness(t);
  const [own, other] = [await open(), await open()];
  await open(1);
  await label(own, 'Firefox');
  await label(own, ' Ｆirefox on  Linux\u00a0');
  assert.deepEqual(await list(own), [
    [false, null],
    [false, 'Old VWS client'],
    [true, 'Firefox on  Linux'],
  ]);
  await label(other, '🎬'.repeat(40));
  assert.ok((await list(own)).some(([, text]) => text === '🎬'.repeat(40)));
});

test('empty, long, control and bidirectional texts are not labels', async (t) => {
  const { open, label, labels } = await createHarness(t);
  const session = await open();
  for (const text of [
    '',
    '  ',
    'x'.repeat(41),
    'x'.repeat(10_000),
    'a\nb',
    'a\x1b[1m',
    'a\u202eb',
    'a\u2066b',
    'a\u2028b',
  ]) {
    assert.equal(await outcomeOf(label(session, text)), 'invalid_value', JSON.stringify(text));
  }
  assert.deepEqual(await labels(), []);
});

test('labels are deleted with their sessions', async (t) => {
  const { store, rules, open, label, labels } = await createHarness(t);
  const [own, ended, lost] = [await open(), await open(), await open()];
  for (const [session, text] of [
    [own, 'own'],
    [ended, 'ended'],
    [lost, 'lost'],
  ] as const)
    await label(session, text);
  await store.transaction((tx) => rules.end(tx, own, Buffer.from(ended.id).toString('base64url')));
  assert.deepEqual(await labels(), ['lost', 'own']);
  await store.transaction((tx) => deleteSession(tx, lost.id));
  assert.deepEqual(await labels(), ['own']);
  const last = await open();
  await label(last, 'last');
  await store.transaction((tx) => rules.endOthers(tx, last));
  assert.deepEqual(await labels(), ['last']);
  await store.transaction((tx) => rules.logOut(tx, last));
  assert.deepEqual(await labels(), []);
});

test('the sweeper deletes the labels of idle sessions', async (t) => {
  const { store, open, label, labels } = await createHarness(t);
  await label(await open(), 'idle');
  const sweep = (now: number) =>
    store.transaction((tx) =>
      deleteExpired(tx, expiryTimes({ sessionIdleMs: IDLE_MS, messages: { receiptMs: 0 } })(now), 10),
    );
  await sweep(NOW);
  assert.deepEqual(await labels(), ['idle']);
  assert.equal(await sweep(NOW + 2 * 60 * 60 * 1000), 1);
  assert.deepEqual(await labels(), []);
});
