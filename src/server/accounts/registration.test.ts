// Who may register: modes and invites.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { outcomeOf } from '../../../test/support/accounts.ts';
import { createFakeTime } from '../../../test/support/fakeTime.ts';
import { openTestStore } from '../../../test/support/store.ts';
import { Invites, type RegistrationMode } from './registration.ts';

const HOUR_MS = 60 * 60 * 1000;
const UNKNOWN = '0000-0000-0000-0000';

async function createHarness(t: TestContext, mode: RegistrationMode) {
  const [store, time] = [await openTestStore(t), createFakeTime()];
  const invites = new Invites({ store, mode, codeKey: randomBytes(32), clock: time.clock });
  return {
    store,
    time,
    invites,
    check: (code?: string) => outcomeOf(invites.check(code)),
    consume: (code?: string) => outcomeOf(store.transaction((tx) => invites.consume(tx, code))),
  };
}

test('open: registers without a code, and ignores one', async (t) => {
  const { check, consume } = await createHarness(t, 'open');
  for (const code of [undefined, UNKNOWN]) assert.deepEqual([await check(code), await consume(code)], ['done', 'done']);
});

test('closed: a valid code does not help', async (t) => {
  const { check, invites } = await createHarness(t, 'closed');
  for (const code of [undefined, await invites.create(HOUR_MS)]) assert.equal(await check(code), 'registration_closed');
});

test('invite: a code registers once, in any spelling', async (t) => {
  const { check, consume, invites } = await createHarness(t, 'invite');
  for (const code of [undefined, '', UNKNOWN]) assert.equal(await check(code), 'invite_required');
  const code = await invites.create(HOUR_MS);
  assert.match(code, /^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
  for (const spelling of [code, code.toLowerCase(), ` ${code.replaceAll('-', ' ')}`]) {
    assert.equal(await check(spelling), 'done', spelling);
  }
  const outcomes = await Promise.all([consume(code), consume(code)]);
  assert.deepEqual(outcomes.toSorted(), ['done', 'overloaded']);
  assert.equal(await check(code), 'invite_required');
});

test('invite: a code expires, and only its hash is stored', async (t) => {
  const { store, time, check, consume, invites } = await createHarness(t, 'invite');
  const code = await invites.create(HOUR_MS);
  const [row] = await store.transaction(({ db }) => db.selectFrom('invites').selectAll().execute());
  assert.equal(row?.code_hash.length, 32);
  time.advance(HOUR_MS);
  assert.deepEqual([await check(code), await consume(code)], ['invite_required', 'overloaded']);
});
