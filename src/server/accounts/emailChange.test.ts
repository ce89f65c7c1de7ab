// Email changes: codes, notices, races and limits.
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
import { Problem } from '../../protocol/problems.ts';

const OLD = 'Ada@example.org';
const NEW = 'Lovelace@example.org';
const PASSWORD = 'blue owl sky';
const MINUTE_MS = 60_000;
/** Contains characters that no code contains. */
const WRONG_CODE = 'LOI010';

async function createHarness(t: TestContext, options: AccountsHarnessOptions = {}) {
  const harness = await createAccountsHarness(await openTestStore(t), options);
  const { transact, emailChanges, mails } = harness;
  const ada = await harness.register('Ada', OLD, PASSWORD);
  return {
    ...harness,
    ada,
    async begin(newEmail = NEW, userId = ada, password = PASSWORD) {
      const prepared = await emailChanges.prepare(userId, newEmail, password, CLIENT);
      await transact((tx) => emailChanges.begin(tx, prepared));
      return mails.at(-1)?.code ?? '';
    },
    confirm: (code: string, userId = ada) =>
      outcomeOf(transact((tx) => emailChanges.confirm(tx, userId, code, CLIENT))),
    emailOf: async (userId = ada) => (await transact((tx) => harness.accounts.show(tx, userId))).email,
  };
}

test('a code to the new address sets it; the old one gets a notice', async (t) => {
  const { begin, confirm, emailOf, mails, notices, logIn, time } = await createHarness(t);
  const code = await begin(` ${NEW} `);
  assert.deepEqual(mails, [{ to: NEW, code, expiresAt: time.clock() + 10 * MINUTE_MS }]);
  assert.equal(await emailOf(), OLD);
  assert.deepEqual(notices, []);
  assert.equal(await confirm(` ${code.toLowerCase()}`), 'done');
  assert.equal(await emailOf(), NEW);
  assert.deepEqual(
    notices.map(({ to, notice }) => [to, notice]),
    [[OLD, 'email_changed']],
  );
  assert.equal(await outcomeOf(logIn(NEW, PASSWORD)), 'done');
  assert.equal(await outcomeOf(logIn(OLD, PASSWORD)), 'invalid_credentials');
  assert.equal(await confirm(code), 'no_email_change');
});

test('recovery uses the new address, and open recoveries end', async (t) => {
  const { begin, confirm, recovery, transact, mails } = await createHarness(t);
  const open = await transact((tx) => recovery.begin(tx, OLD, CLIENT));
  const recoveryCode = mails.at(-1)?.code ?? '';
  await confirm(await begin());
  assert.equal(await outcomeOf(transact((tx) => recovery.confirm(tx, open, recoveryCode))), 'no_recovery');
  await transact((tx) => recovery.begin(tx, NEW, CLIENT));
  assert.equal(mails.at(-1)?.to, NEW);
});

test('a taken address is rejected; one in another spelling of the own address is not', async (t) => {
  const { begin, confirm, register, emailOf } = await createHarness(t);
  await register('Bob', 'bob@example.org', PASSWORD);
  assert.equal(await outcomeOf(begin('BOB@example.org')), 'email_taken');
  assert.equal(await confirm(await begin('ADA@example.org')), 'done');
  assert.equal(await emailOf(), 'ADA@example.org');
});

test('two users who confirm the same address: exactly one gets it', async (t) => {
  const { begin, confirm, register, ada, emailOf } = await createHarness(t);
  const bob = await register('Bob', 'bob@example.org', PASSWORD);
  const codes = [await begin(NEW, ada), await begin(NEW, bob)];
  const outcomes = await Promise.all([confirm(codes[0] ?? '', ada), confirm(codes[1] ?? '', bob)]);
  assert.deepEqual(outcomes.toSorted(), ['done', 'email_taken']);
  const emails = [await emailOf(ada), await emailOf(bob)];
  assert.equal(emails.filter((email) => email === NEW).length, 1);
});

test('five wrong codes end the change, also at the same time', async (t) => {
  const { begin, confirm, emailOf } = await createHarness(t);
  const code = await begin();
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => confirm(WRONG_CODE)));
  assert.equal(outcomes.filter((outcome) => outcome === 'invalid_code').length, 5);
  assert.equal(await confirm(code), 'no_email_change');
  assert.equal(await emailOf(), OLD);
});

test('a code expires after ten minutes, and a later code replaces it', async (t) => {
  const { begin, confirm, time } = await createHarness(t);
  const first = await begin();
  const second = await begin();
  if (first !== second) assert.equal(await confirm(first), 'invalid_code');
  time.advance(10 * MINUTE_MS);
  assert.equal(await confirm(second), 'no_email_change');
});

test('a code is valid for its own user only', async (t) => {
  const { begin, confirm, register } = await createHarness(t);
  const bob = await register('Bob', 'bob@example.org', PASSWORD);
  const code = await begin();
  assert.equal(await confirm(code, bob), 'no_email_change');
  await begin('robert@example.org', bob);
  assert.equal(await confirm(code, bob), 'invalid_code');
});

test('a new password, by change or by recovery, ends a change that waits for its code', async (t) => {
  const { begin, confirm, accounts, recovery, transact, ada, mails } = await createHarness(t);
  const session = randomBytes(16);
  const first = await begin();
  const change = await accounts.preparePasswordChange(ada, PASSWORD, 'green owl sky', CLIENT);
  await transact((tx) => accounts.changePassword(tx, session, change, CLIENT));
  assert.equal(await confirm(first), 'no_email_change');
  const second = await begin(NEW, ada, 'green owl sky');
  const id = await transact((tx) => recovery.begin(tx, OLD, CLIENT));
  await transact((tx) => recovery.confirm(tx, id, mails.at(-1)?.code ?? ''));
  const password = await recovery.prepareFinish(id, 'brown owl sky', CLIENT);
  await transact((tx) => recovery.finish(tx, id, session, password, CLIENT));
  assert.equal(await confirm(second), 'no_email_change');
});

test('a wrong password and an invalid address send no mail', async (t) => {
  const { begin, ada, mails } = await createHarness(t);
  assert.equal(await outcomeOf(begin(NEW, ada, 'green owl sky')), 'invalid_credentials');
  assert.equal(await outcomeOf(begin('lovelace')), 'invalid_email');
  assert.deepEqual(mails, []);
});

test('a confirmed change confirms the address, and reports both for the device tokens of the client', async (t) => {
  const { begin, emailChanges, transact, ada, time } = await createHarness(t);
  const code = await begin();
  const confirmed = await transact((tx) => emailChanges.confirm(tx, ada, code, CLIENT));
  assert.deepEqual(confirmed, { email: NEW, former_email: OLD });
  const [user] = await transact(({ db }) => db.selectFrom('users').select('email_verified_at').execute());
  assert.equal(user?.email_verified_at, time.clock());
});

test('strangers cannot find out from their own lock that an address got an account or lost it', async (t) => {
  const { begin, confirm, logInWith, deletion, transact, ada } = await createHarness(t);
  const stranger = { address: '10.0.0.1' };
  const guess = (email: string) => outcomeOf(logInWith(email, 'wrong owl sky', stranger));
  for (const email of [OLD, NEW]) for (let n = 0; n < 5; n += 1) await guess(email);
  await confirm(await begin());
  for (const email of [OLD, NEW]) assert.equal(await guess(email), 'account_locked', email);
  const verified = await deletion.prepare(ada, 'Ada', PASSWORD, CLIENT);
  await transact((tx) => deletion.execute(tx, randomBytes(16), verified, CLIENT));
  assert.equal(await guess(NEW), 'account_locked');
});

test('mails are limited by the new address; those with a tag share a limit that is not that of the one without', async (t) => {
  const counts = new Map<string, number>();
  const limitMails = async (_: unknown, subject: string) => {
    const count = (counts.get(subject) ?? 0) + 1;
    counts.set(subject, count);
    if (count > 2) throw new Problem('too_many_requests');
  };
  const { begin, mails, register } = await createHarness(t, { limitMails });
  const bob = await register('Bob', 'bob@example.org', PASSWORD);
  const outcomes = [];
  for (let n = 0; n < 4; n += 1) outcomes.push(await outcomeOf(begin(`lovelace+${n}@example.org`, bob)));
  for (let n = 0; n < 3; n += 1) outcomes.push(await outcomeOf(begin(NEW)));
  const wanted = ['done', 'done', 'too_many_requests'];
  assert.deepEqual(outcomes, [...wanted, 'too_many_requests', ...wanted]);
  assert.equal(mails.length, 4);
});
