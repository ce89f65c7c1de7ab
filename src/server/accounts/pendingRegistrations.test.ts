// Registration with a confirmed address: codes, taken addresses, races, invites and limits.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type AccountsHarnessOptions,
  CLIENT,
  createAccountsHarness,
  outcomeOf,
} from '../../../test/support/accounts.ts';
import { openTestStore } from '../../../test/support/store.ts';

const EMAIL = 'Ada@Example.org';
const TAKEN = 'bob@example.org';
const PASSWORD = 'blue owl sky';
const MINUTE_MS = 60_000;
/** Contains characters that no code contains. */
const WRONG_CODE = 'LOI010';
const CLIENT2 = { ...CLIENT, suite: 2 };

async function createHarness(t: TestContext, options: AccountsHarnessOptions = {}) {
  const harness = await createAccountsHarness(await openTestStore(t), options);
  const { accounts, registrations, transact, mails } = harness;
  await harness.register('Bob', TAKEN, PASSWORD);
  return {
    ...harness,
    async begin(username = 'Ada', email = EMAIL, { invite = undefined as string | undefined, client = CLIENT2 } = {}) {
      const prepared = await accounts.prepareRegistration(username, email, PASSWORD, client);
      const id = await transact((tx) => registrations.begin(tx, prepared, invite, client));
      return { id, code: mails.at(-1)?.code ?? '' };
    },
    confirm: (id: Uint8Array | null, code: string) =>
      outcomeOf(transact((tx) => registrations.confirm(tx, id, code, 2))),
    users: async () =>
      (await transact(({ db }) => db.selectFrom('users').select('username').orderBy('username').execute())).map(
        ({ username }) => username,
      ),
    pending: async () => transact(({ db }) => db.selectFrom('pending_registrations').selectAll().execute()),
  };
}

test('the mailed code creates the account, once', async (t) => {
  const { begin, confirm, users, pending, mails, logIn, time } = await createHarness(t);
  const { id, code } = await begin();
  assert.deepEqual(mails, [{ to: EMAIL, code, expiresAt: time.clock() + 10 * MINUTE_MS }]);
  assert.deepEqual(await users(), ['Bob']);
  assert.equal(await outcomeOf(logIn(EMAIL, PASSWORD)), 'invalid_credentials');
  assert.equal(await confirm(id, ` ${code.toLowerCase()}\n`), 'done');
  assert.deepEqual(await users(), ['Ada', 'Bob']);
  assert.equal(await outcomeOf(logIn(EMAIL, PASSWORD)), 'done');
  assert.equal(await confirm(id, code), 'no_registration');
  assert.deepEqual(await pending(), []);
});

test('a taken address: the same outcomes and rows as a free one, and a notice to its owner instead of a code', async (t) => {
  const { begin, confirm, pending, mails, notices, users } = await createHarness(t);
  const [free, taken] = [await begin('Ada', EMAIL), await begin('Eve', ' BOB@example.org')];
  assert.equal(mails.length, 1);
  assert.deepEqual(
    notices.map(({ to, notice }) => [to, notice]),
    [[TAKEN, 'already_registered']],
  );
  for (const { id } of [free, taken]) {
    for (let n = 1; n <= 5; n += 1) assert.equal(await confirm(id, WRONG_CODE), 'invalid_code');
    assert.equal(await confirm(id, free.code), 'no_registration');
  }
  const shapes = (await pending()).map((row) => [row.tries, row.expires_at, row.code_hash.length, Object.keys(row)]);
  assert.deepEqual(shapes[0], shapes[1]);
  assert.deepEqual(await users(), ['Bob']);
});

test('both kinds of addresses are hashed: the slow part is the same', async (t) => {
  const hashed: string[] = [];
  const { hasher, ...rest } = await createHarness(t);
  const original = hasher.hash.bind(hasher);
  hasher.hash = async (password, place) => {
    hashed.push(password);
    return original(password, place);
  };
  await rest.begin('Ada', EMAIL);
  await rest.begin('Eve', TAKEN);
  assert.deepEqual(hashed, [PASSWORD, PASSWORD]);
});

test('a taken or invalid name and a refused password are reported at once, in suite 1 also a taken address', async (t) => {
  const { begin, accounts, mails } = await createHarness(t);
  assert.equal(await outcomeOf(begin('BOB', 'new@example.org')), 'username_taken');
  assert.equal(await outcomeOf(begin('a#b', 'new@example.org')), 'invalid_username');
  assert.equal(await outcomeOf(begin('Ada', 'x')), 'invalid_email');
  const weak = accounts.prepareRegistration('Ada', EMAIL, 'weak', CLIENT2);
  assert.equal(await outcomeOf(weak), 'password_refused');
  assert.equal(await outcomeOf(accounts.prepareRegistration('Eve', TAKEN, PASSWORD, CLIENT)), 'email_taken');
  assert.deepEqual(mails, []);
});

test('two confirmations of one name: the second is refused, and its invite stays usable', async (t) => {
  const { begin, confirm, users, invites } = await createHarness(t, { registration: 'invite' });
  const [one, two] = [await invites.create(MINUTE_MS), await invites.create(MINUTE_MS)];
  const first = await begin('Ada', 'one@example.org', { invite: one });
  const second = await begin('ADA', 'two@example.org', { invite: two });
  const outcomes = await Promise.all([confirm(first.id, first.code), confirm(second.id, second.code)]);
  assert.deepEqual(outcomes.toSorted(), ['done', 'username_taken']);
  assert.equal((await users()).length, 2);
  const checks = [await outcomeOf(invites.check(one)), await outcomeOf(invites.check(two))];
  assert.deepEqual(checks.toSorted(), ['done', 'invite_required']);
});

test('two confirmations of one address: the second fails like a wrong code', async (t) => {
  const { begin, confirm, users } = await createHarness(t);
  const [first, second] = [await begin('Ada', EMAIL), await begin('Eve', EMAIL.toLowerCase())];
  const outcomes = await Promise.all([confirm(first.id, first.code), confirm(second.id, second.code)]);
  assert.deepEqual(outcomes.toSorted(), ['done', 'invalid_code']);
  assert.equal((await users()).length, 2);
});

test('one registration confirmed twice at once creates one account', async (t) => {
  const { begin, confirm, users } = await createHarness(t);
  const { id, code } = await begin();
  const outcomes = await Promise.all([confirm(id, code), confirm(id, code)]);
  assert.equal(outcomes.filter((outcome) => outcome === 'done').length, 1);
  assert.deepEqual(await users(), ['Ada', 'Bob']);
});

test('a code belongs to its registration, expires after ten minutes and takes five tries, also at once', async (t) => {
  const { begin, confirm, time, users } = await createHarness(t);
  const [one, two] = [await begin('Ada', EMAIL), await begin('Eve', 'eve@example.org')];
  assert.equal(await confirm(null, one.code), 'no_registration');
  if (one.code !== two.code) assert.equal(await confirm(two.id, one.code), 'invalid_code');
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => confirm(one.id, WRONG_CODE)));
  assert.equal(outcomes.filter((outcome) => outcome === 'invalid_code').length, 5);
  assert.equal(await confirm(one.id, one.code), 'no_registration');
  time.advance(10 * MINUTE_MS);
  assert.equal(await confirm(two.id, two.code), 'no_registration');
  assert.deepEqual(await users(), ['Bob']);
});

test('an invite is checked again and used up at the confirmation', async (t) => {
  const { begin, confirm, invites, users } = await createHarness(t, { registration: 'invite' });
  const invite = await invites.create(60 * MINUTE_MS);
  const [one, two] = [await begin('Ada', EMAIL, { invite }), await begin('Eve', 'eve@example.org', { invite })];
  assert.equal(await outcomeOf(invites.check(invite)), 'done');
  assert.equal(await confirm(one.id, WRONG_CODE), 'invalid_code');
  assert.equal(await confirm(one.id, one.code), 'done');
  assert.equal(await confirm(two.id, two.code), 'invite_required');
  assert.deepEqual(await users(), ['Ada', 'Bob']);
});

test('the database reveals neither the code nor name, address and password hash', async (t) => {
  const { begin, pending } = await createHarness(t);
  const { code } = await begin();
  const [row] = await pending();
  const stored = Buffer.concat(
    Object.values(row ?? {}).map((value) => (value instanceof Uint8Array ? value : Buffer.from(String(value)))),
  );
  for (const secret of [code, 'Ada', EMAIL, 'argon2id']) assert.ok(!stored.includes(secret), secret);
});

test('mails are limited by mailbox, alike for free and taken addresses, and not by the limit of recoveries', async (t) => {
  const harness = await createHarness(t, { rates: { recoveryMailsPerHour: 8 } });
  const { begin, recovery, transact, mails, time } = harness;
  const at = (n: number) => ({ client: { ...CLIENT2, address: `10.0.${n}.1` } });
  for (const address of ['ada', 'bob']) {
    const outcomes: string[] = [];
    for (let n = 0; n < 10; n += 1) {
      outcomes.push(await outcomeOf(begin(`${address} ${n}`, `${address}+${n}@example.org`, at(n))));
    }
    assert.deepEqual(outcomes, [...Array(8).fill('done'), ...Array(2).fill('too_many_requests')], address);
    assert.equal(await outcomeOf(begin(address.repeat(2), `${address}@example.org`, at(11))), 'too_many_requests');
  }
  const sent = mails.length;
  await transact((tx) => recovery.begin(tx, TAKEN, at(12).client));
  assert.equal(mails.length, sent + 1);
  time.advance(60 * MINUTE_MS);
  // A quarter of the limit for one client.
  const outcomes: string[] = [];
  for (let n = 0; n < 3; n += 1) outcomes.push(await outcomeOf(begin(`eve ${n}`, 'eve@example.org', at(0))));
  assert.deepEqual(outcomes, ['done', 'done', 'too_many_requests']);
});
