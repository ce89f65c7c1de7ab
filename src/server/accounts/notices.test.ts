// Notices: which events are reported, and what an attacker can cause.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import {
  type AccountsHarnessOptions,
  CLIENT,
  createAccountsHarness,
  outcomeOf,
} from '../../../test/support/accounts.ts';
import { openTestStore } from '../../../test/support/store.ts';
import { updateLoginNotices } from '../store/users.ts';
import { LOGIN_NOTICES, maskAddress, type NoticeLimit, Notices } from './notices.ts';

const EMAIL = 'Ada@Example.org';
const UNKNOWN = 'unknown@example.org';
const PASSWORD = 'blue owl sky';
const SESSION = randomBytes(16);
const DAY_MS = 24 * 60 * 60 * 1000;

async function createHarness(t: TestContext, options: AccountsHarnessOptions = {}) {
  const harness = await createAccountsHarness(await openTestStore(t), options);
  const userId = await harness.register('Ada', EMAIL, PASSWORD);
  const unused = async () => true;
  const limits = { locks: unused, logins: unused, summaries: unused, changes: unused, changeSummaries: unused };
  const rules = new Notices({
    outbox: { enqueueNotice: async () => {}, enqueueDecoy: async () => {} },
    limits,
    clock: Date.now,
  });
  const fail = (email: string) => outcomeOf(harness.logIn(email, 'wrong owl sky'));
  const changePassword = async (id = userId) => {
    const change = await harness.accounts.preparePasswordChange(id, PASSWORD, PASSWORD, CLIENT);
    await harness.transact((tx) => harness.accounts.changePassword(tx, SESSION, change, CLIENT));
  };
  return { ...harness, rules, userId, fail, changePassword };
}

/** Allows this many notices of each subject. */
function atMost(max: number): NoticeLimit {
  const counts = new Map<string, number>();
  return async (_tx, subject) => {
    const count = (counts.get(subject) ?? 0) + 1;
    counts.set(subject, count);
    return count <= max;
  };
}

test('a new password is reported to the stored address', async (t) => {
  const { accounts, transact, notices, userId, time } = await createHarness(t);
  const change = await accounts.preparePasswordChange(userId, PASSWORD, 'green owl sky', CLIENT);
  await transact((tx) => accounts.changePassword(tx, SESSION, change, CLIENT));
  const expiresAt = time.clock() + DAY_MS;
  assert.deepEqual(notices, [{ to: EMAIL, notice: 'password_changed', expiresAt }]);
});

test('password changes beyond the daily limit are reported by one summary', async (t) => {
  const { changePassword, notices } = await createHarness(t, {
    noticeLimits: { changes: atMost(2), changeSummaries: atMost(1) },
  });
  for (let n = 1; n <= 5; n += 1) await changePassword();
  assert.deepEqual(
    notices.map(({ to, notice }) => [to, notice]),
    [
      [EMAIL, 'password_changed'],
      [EMAIL, 'password_changed'],
      [EMAIL, 'changes_unreported'],
    ],
  );
});

test('password changes do not use up the notice of a changed address', async (t) => {
  const noticeLimits = { changes: atMost(1), changeSummaries: atMost(1) };
  const { changePassword, notices, emailChanges, transact, userId, mails } = await createHarness(t, { noticeLimits });
  for (let n = 1; n <= 3; n += 1) await changePassword();
  const change = await emailChanges.prepare(userId, 'new@example.org', PASSWORD, CLIENT);
  await transact((tx) => emailChanges.begin(tx, change));
  await transact((tx) => emailChanges.confirm(tx, userId, mails.at(-1)?.code ?? '', CLIENT));
  assert.deepEqual([notices.at(-1)?.to, notices.at(-1)?.notice], [EMAIL, 'email_changed']);
});

test('accounts with tags share a limit on notices, unless their address is confirmed, and silence no other one', async (t) => {
  const noticeLimits = { changes: atMost(2), changeSummaries: atMost(1) };
  const { changePassword, register, notices } = await createHarness(t, { noticeLimits });
  for (let n = 0; n < 6; n += 1) {
    const id = await register(`Eve ${n}`, `ada+${n}@example.org`, PASSWORD);
    for (let change = 0; change < 3; change += 1) await changePassword(id);
  }
  assert.equal(notices.length, 3);
  const confirmed = await register('Tag', 'ada+vws@example.org', PASSWORD, 2);
  await changePassword(confirmed);
  await changePassword();
  assert.deepEqual(
    notices.slice(3).map(({ to, notice }) => [to, notice]),
    [
      ['ada+vws@example.org', 'password_changed'],
      [EMAIL, 'password_changed'],
    ],
  );
});

test('a completed recovery is reported', async (t) => {
  const { recovery, transact, notices, mails } = await createHarness(t);
  const id = await transact((tx) => recovery.begin(tx, EMAIL, CLIENT));
  await transact((tx) => recovery.confirm(tx, id, mails[0]?.code ?? ''));
  assert.deepEqual(notices, []);
  const password = await recovery.prepareFinish(id, 'green owl sky', CLIENT);
  await transact((tx) => recovery.finish(tx, id, SESSION, password, CLIENT));
  assert.deepEqual(
    notices.map(({ to, notice }) => [to, notice]),
    [[EMAIL, 'password_recovered']],
  );
});

test('the wrong password that locks an account is reported, once', async (t) => {
  const { fail, notices } = await createHarness(t);
  for (let n = 1; n <= 4; n += 1) await fail(EMAIL);
  assert.deepEqual(notices, []);
  for (let n = 5; n <= 8; n += 1) await fail(EMAIL);
  assert.deepEqual(
    notices.map(({ to, notice }) => [to, notice]),
    [[EMAIL, 'account_locked']],
  );
});

test('the right password at the last attempt is not reported as a lock', async (t) => {
  const { fail, logIn, notices } = await createHarness(t);
  for (let n = 1; n <= 4; n += 1) await fail(EMAIL);
  await logIn(EMAIL, PASSWORD);
  assert.deepEqual(notices, []);
});

test('a lock of an address without an account writes a decoy instead of a mail', async (t) => {
  const { fail, notices, decoys, time } = await createHarness(t);
  for (let n = 1; n <= 6; n += 1) await fail(UNKNOWN);
  assert.deepEqual([notices, decoys], [[], [time.clock() + DAY_MS]]);
});

test('further locks beyond the limit send no mail, and write a decoy', async (t) => {
  const { fail, notices, decoys, time } = await createHarness(t, { noticeLimits: { locks: atMost(1) } });
  for (let lock = 1; lock <= 2; lock += 1) {
    for (let n = 1; n <= 5; n += 1) await fail(EMAIL);
    time.advance(DAY_MS);
  }
  assert.deepEqual([notices.length, decoys.length], [1, 1]);
});

test('the last guess of all strangers in a day is reported, at a known and an unknown address alike', async (t) => {
  const harness = await createHarness(t, { rates: { failedLoginsPerDay: 4 } });
  const { notices, decoys } = harness;
  const guess = (email: string, n: number) =>
    outcomeOf(harness.logInWith(email, 'wrong owl sky', { address: `10.0.${n}.1` }));
  for (const email of [EMAIL, UNKNOWN]) {
    for (let n = 1; n <= 3; n += 1) await guess(email, n);
    assert.deepEqual([notices.length, decoys.length], email === EMAIL ? [0, 0] : [1, 0]);
    for (let n = 4; n <= 6; n += 1) await guess(email, n);
  }
  assert.deepEqual(
    notices.map(({ to, notice }) => [to, notice]),
    [[EMAIL, 'account_locked']],
  );
  assert.equal(decoys.length, 1);
});

test('new_devices: reports a login without a device token, or in suite 1 from another network', async (t) => {
  const { logInWith, notices, userId, store, accounts, transact } = await createHarness(t);
  await store.transaction((tx) => updateLoginNotices(tx, userId, LOGIN_NOTICES.new_devices));
  const reported = async (client: Parameters<typeof logInWith>[2]) => {
    const before = notices.length;
    const deviceToken = await logInWith(EMAIL, PASSWORD, client);
    return { deviceToken, notices: notices.slice(before).map(({ notice }) => notice) };
  };
  const { deviceToken, notices: first } = await reported({});
  assert.deepEqual(first, ['new_device']);
  assert.deepEqual((await reported({ deviceToken, address: '203.0.113.9' })).notices, []);
  assert.deepEqual((await reported({})).notices, ['new_device']);
  assert.deepEqual((await reported({ suite: 1 })).notices, [], 'the network is known');
  assert.deepEqual((await reported({ suite: 1, address: '198.51.100.1' })).notices, ['new_device']);
  assert.deepEqual((await reported({ suite: 1, address: '198.51.100.2' })).notices, [], 'the same network');
  // A new password forgets the tokens.
  const change = await accounts.preparePasswordChange(userId, PASSWORD, PASSWORD, CLIENT);
  await transact((tx) => accounts.changePassword(tx, SESSION, change, CLIENT));
  assert.deepEqual((await reported({ deviceToken })).notices, ['new_device']);
});

test('new accounts have new_devices in suite 2, and no login notices in suite 1, where no code confirmed the address', async (t) => {
  const { store, register } = await createHarness(t);
  await register('Bob', 'bob@example.org', PASSWORD, 2);
  const rows = await store.transaction(({ db }) =>
    db.selectFrom('users').select(['username', 'login_notices', 'email_verified_at']).orderBy('username').execute(),
  );
  assert.deepEqual(
    rows.map(({ username, login_notices, email_verified_at }) => [username, login_notices, email_verified_at !== null]),
    [
      ['Ada', LOGIN_NOTICES.off, false],
      ['Bob', LOGIN_NOTICES.new_devices, true],
    ],
  );
});

test('choosing: off, new_devices and all, nothing else', async (t) => {
  const { store, transact, rules, userId } = await createHarness(t);
  const chosen = async () =>
    (await store.transaction(({ db }) => db.selectFrom('users').select('login_notices').execute()))[0]?.login_notices;
  for (const [choice, stored] of Object.entries(LOGIN_NOTICES)) {
    await transact((tx) => rules.choose(tx, userId, choice));
    assert.equal(await chosen(), stored);
  }
  for (const choice of ['', 'All', '2']) {
    assert.equal(await outcomeOf(transact((tx) => rules.choose(tx, userId, choice))), 'invalid_value');
  }
});

test('logins are reported only if the user wants that, without the last part of the address', async (t) => {
  const { store, logIn, notices, userId } = await createHarness(t);
  await logIn(EMAIL, PASSWORD);
  assert.deepEqual(notices, []);
  await store.transaction((tx) => updateLoginNotices(tx, userId, 1));
  await logIn(EMAIL, PASSWORD);
  assert.deepEqual(
    notices.map(({ to, notice, network }) => [to, notice, network]),
    [[EMAIL, 'new_device', '192.0.2.x']],
  );
});

test('logins beyond the daily limit are reported by one summary', async (t) => {
  const noticeLimits = { logins: atMost(2), summaries: atMost(1) };
  const { store, logIn, notices, userId } = await createHarness(t, { noticeLimits });
  await store.transaction((tx) => updateLoginNotices(tx, userId, 1));
  for (let n = 1; n <= 5; n += 1) await logIn(EMAIL, PASSWORD);
  assert.deepEqual(
    notices.map(({ notice }) => notice),
    ['new_device', 'new_device', 'logins_unreported'],
  );
});

test('the network of a client is its address without the last part', () => {
  assert.equal(maskAddress('203.0.113.7'), '203.0.113.x');
  assert.equal(maskAddress('2001:db8:1:2::/64'), '2001:db8:1::');
  assert.equal(maskAddress('fe80::/64'), 'fe80::');
});
