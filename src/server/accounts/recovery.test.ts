// Account recovery: codes, guesses, decoys and races.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CLIENT, createAccountsHarness } from '../../../test/support/accounts.ts';
import {
  begin,
  confirm,
  createHarness,
  EMAIL,
  finish,
  lastCode,
  logIn,
  MINUTE_MS,
  NEW_PASSWORD,
  PASSWORD,
  SESSION,
  UNKNOWN,
  WRONG_CODE,
} from '../../../test/support/recoveries.ts';
import { openTestStore } from '../../../test/support/store.ts';

test('the mailed code sets a new password, ends the lock and the other sessions', async (t) => {
  const harness = await createHarness(t);
  for (let n = 0; n < 6; n += 1) await logIn(harness, 'wrong owl sky');
  assert.equal(await logIn(harness, PASSWORD), 'account_locked');

  const id = await begin(harness);
  assert.equal(await confirm(harness, id, lastCode(harness)), 'done');
  assert.equal(await finish(harness, id), 'done');
  assert.equal(await logIn(harness, NEW_PASSWORD), 'done');
  assert.equal(await logIn(harness, PASSWORD), 'invalid_credentials');
  assert.deepEqual(
    harness.endedSessions.map(({ exceptSessionId }) => exceptSessionId),
    [SESSION],
  );
});

test('the email goes to the stored address, not to the one in the request', async (t) => {
  const harness = await createHarness(t);
  await begin(harness, ' aDA@eXAMPLE.oRG');
  const [mail] = harness.mails;
  assert.deepEqual({ ...mail, code: '' }, { to: EMAIL, code: '', expiresAt: harness.time.clock() + 10 * MINUTE_MS });
});

test('a code has six unambiguous characters, drawn from the whole alphabet', async (t) => {
  const harness = await createHarness(t);
  await harness.transact(async (tx) => {
    for (let n = 0; n < 300; n += 1) await harness.recovery.begin(tx, EMAIL, CLIENT);
  });
  const codes = harness.mails.map(({ code }) => code);
  for (const code of codes) assert.match(code, /^[A-Z0-9]{6}$/);
  assert.equal([...new Set(codes.join(''))].sort().join(''), '23456789ABCDEFGHJKMNPQRSTUVWXYZ');
  assert.ok(new Set(codes).size > 295, 'codes repeat only by chance');
});

test('a code is accepted in any case and with surrounding white space', async (t) => {
  const harness = await createHarness(t);
  for (const typed of [(code: string) => code.toLowerCase(), (code: string) => ` ${code}\n`]) {
    const id = await begin(harness);
    assert.equal(await confirm(harness, id, typed(lastCode(harness))), 'done');
  }
});

describe('an unknown address', () => {
  test('gets the same result, and no email is sent', async (t) => {
    const harness = await createHarness(t);
    const [known, unknown] = [await begin(harness), await begin(harness, UNKNOWN)];
    assert.equal(unknown.length, known.length);
    assert.equal(harness.mails.length, 1);
    assert.deepEqual(harness.decoys, [harness.time.clock() + 10 * MINUTE_MS]);
    for (let n = 0; n < 5; n += 1) {
      assert.equal(await confirm(harness, unknown, WRONG_CODE), 'invalid_code');
      assert.equal(await confirm(harness, known, WRONG_CODE), 'invalid_code');
    }
    assert.equal(await confirm(harness, unknown, WRONG_CODE), 'no_recovery');
    assert.equal(await confirm(harness, known, WRONG_CODE), 'no_recovery');
    assert.equal(await finish(harness, unknown), 'no_recovery');
  });

  test('when the mail limit is reached: behaves like a known one, and writes the same rows', async (t) => {
    const harness = await createAccountsHarness(await openTestStore(t), { rates: { recoveryMailsPerHour: 8 } });
    await harness.register('Ada', EMAIL, PASSWORD);
    const rows = async () =>
      harness.transact(async ({ db }) => [
        (await db.selectFrom('recoveries').select('recovery_id').execute()).length,
        (await db.selectFrom('budgets').select('budget_key').execute()).length,
      ]);
    const written: Record<string, unknown[]> = {};
    for (const email of [EMAIL, UNKNOWN]) {
      const before = await rows();
      const outcomes: unknown[] = [];
      for (let n = 0; n < 12; n += 1) {
        const id = await begin(harness, email, { ...CLIENT, address: `10.0.${n}.1` });
        outcomes.push(id.length, await confirm(harness, id, WRONG_CODE));
      }
      const [recoveries = 0, budgets = 0] = await rows();
      written[email] = [outcomes, recoveries - (before[0] ?? 0), budgets - (before[1] ?? 0)];
    }
    assert.deepEqual(written[EMAIL], written[UNKNOWN]);
    assert.equal(harness.mails.length, 8);
    // An email or a decoy for each recovery, so that the outbox does not take less time either.
    assert.equal(harness.decoys.length, 4 + 12);
  });
});

test('an account that requires suite 2 cannot be recovered with suite 1, and nothing shows that', async (t) => {
  const store = await openTestStore(t);
  const harness = await createAccountsHarness(store, { downgradeProtection: true });
  await harness.register('Ada', EMAIL, PASSWORD, 2);
  const id = await begin(harness);
  assert.equal(harness.mails.length, 0);
  assert.equal(harness.decoys.length, 1);
  assert.equal(await confirm(harness, id, WRONG_CODE), 'invalid_code');

  await harness.register('Bob', 'bob@example.org', PASSWORD, 1);
  const begun = await begin(harness, 'bob@example.org');
  assert.equal(await confirm(harness, begun, lastCode(harness)), 'done');
  await harness.logIn('bob@example.org', PASSWORD, 2);
  assert.equal(await finish(harness, begun), 'no_recovery', 'the account requires suite 2 since then');
});

test('a recovery forgets the known clients, except the network that it was finished from', async (t) => {
  const harness = await createHarness(t);
  const deviceToken = await harness.logInWith(EMAIL, PASSWORD, { address: '10.1.1.1' });
  const id = await begin(harness);
  await confirm(harness, id, lastCode(harness));
  assert.equal(await finish(harness, id), 'done');
  const kinds = await harness.transact(({ db }) => db.selectFrom('known_clients').select('kind').execute());
  assert.deepEqual(
    kinds.map(({ kind }) => kind),
    [1],
  );
  const renewed = await harness.logInWith(EMAIL, NEW_PASSWORD, { deviceToken });
  assert.notEqual(renewed, deviceToken);
});

describe('guessing', () => {
  test('stops after five codes, even concurrent ones', async (t) => {
    const harness = await createHarness(t);
    const id = await begin(harness);
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => confirm(harness, id, WRONG_CODE)));
    assert.deepEqual(outcomes.toSorted(), [...Array(5).fill('invalid_code'), ...Array(7).fill('no_recovery')]);
    assert.equal(await confirm(harness, id, lastCode(harness)), 'no_recovery');
  });

  test('accepts the right code at the fifth try', async (t) => {
    const harness = await createHarness(t);
    const id = await begin(harness);
    for (let n = 0; n < 4; n += 1) assert.equal(await confirm(harness, id, WRONG_CODE), 'invalid_code');
    assert.equal(await confirm(harness, id, lastCode(harness)), 'done');
  });
});

test('the database does not reveal the code', async (t) => {
  const harness = await createHarness(t);
  await begin(harness);
  const rows = await harness.transact(({ db }) => db.selectFrom('recoveries').selectAll().execute());
  assert.equal(rows.length, 1);
  const everything = rows.flatMap((row) => Object.values(row)).map((value) => Buffer.from(String(value)));
  assert.ok(!Buffer.concat([...everything, Buffer.from(rows[0]?.code_hash ?? [])]).includes(lastCode(harness)));
});

test('a weak password does not use up the recovery', async (t) => {
  const harness = await createHarness(t);
  const id = await begin(harness);
  assert.equal(await confirm(harness, id, lastCode(harness)), 'done');
  assert.equal(await finish(harness, id, 'weak'), 'password_refused');
  assert.equal(await finish(harness, id, 'ada ada ada ada'), 'password_refused');
  assert.equal(await finish(harness, id), 'done');
});

test('a password that is part of a present or former name is refused, and does not use up the recovery', async (t) => {
  const harness = await createHarness(t);
  const userId = await harness.logIn(EMAIL, PASSWORD);
  const renaming = await harness.accounts.prepareUsernameChange(userId, 'the green owl sky at night', PASSWORD, CLIENT);
  await harness.transact((tx) => harness.accounts.changeUsername(tx, renaming));
  const id = await begin(harness);
  await confirm(harness, id, lastCode(harness));
  assert.equal(await finish(harness, id, NEW_PASSWORD), 'password_refused');
  harness.time.advance(1);
  const again = await harness.accounts.prepareUsernameChange(userId, 'Lovelace', PASSWORD, CLIENT);
  await harness.transact((tx) => harness.accounts.changeUsername(tx, again));
  assert.equal(await finish(harness, id, NEW_PASSWORD), 'password_refused');
  assert.equal(await finish(harness, id, 'red owl sky!'), 'done');
});

test('a completed recovery confirms the address', async (t) => {
  const harness = await createHarness(t);
  const verifiedAt = async () =>
    (await harness.transact(({ db }) => db.selectFrom('users').select('email_verified_at').execute()))[0];
  const id = await begin(harness);
  await confirm(harness, id, lastCode(harness));
  assert.deepEqual({ ...(await verifiedAt()) }, { email_verified_at: null });
  await finish(harness, id);
  assert.deepEqual({ ...(await verifiedAt()) }, { email_verified_at: harness.time.clock() });
});

test('finishing a recovery twice at once sets one password', async (t) => {
  const harness = await createHarness(t);
  const id = await begin(harness);
  await confirm(harness, id, lastCode(harness));
  const outcomes = await Promise.all([finish(harness, id, 'first owl sky'), finish(harness, id, 'second owl sky')]);
  assert.deepEqual(outcomes.toSorted(), ['done', 'no_recovery']);
  const winner = outcomes[0] === 'done' ? 'first owl sky' : 'second owl sky';
  assert.equal(await logIn(harness, winner), 'done');
});

/** Expected state of the recovery that a session began last. */
interface ExpectedRecovery {
  readonly id: Uint8Array;
  /** Undefined for an unknown address. */
  readonly code: string | undefined;
  state: 'open' | 'confirmed' | 'ended';
  tries: number;
  endsAt: number;
}

type Action =
  | 'begin'
  | 'begin for an unknown address'
  | 'confirm'
  | 'confirm wrongly'
  | "confirm with the other's"
  | 'finish'
  | 'wait';

/** Sequences of actions of one session; two sessions alternate. */
const phrases: readonly (readonly Action[])[] = [
  ['begin'],
  ['begin', 'confirm'],
  ['begin', 'confirm', 'finish'],
  ['begin', 'wait', 'confirm', 'wait'],
  ['begin', 'confirm wrongly', 'confirm wrongly', 'confirm wrongly', 'confirm wrongly'],
  ['begin for an unknown address', 'confirm'],
  ['confirm wrongly', 'confirm'],
  ["confirm with the other's"],
  ['confirm'],
  ['finish'],
  ['wait', 'finish', 'finish'],
];

test('random actions of two sessions: each gets exactly what its own codes allow', async (t) => {
  const harness = await createHarness(t);
  const { time } = harness;

  function expectConfirm(recovery: ExpectedRecovery | undefined, code: string | undefined) {
    if (recovery?.state !== 'open' || recovery.tries === 5 || time.clock() >= recovery.endsAt) return 'no_recovery';
    recovery.tries += 1;
    if (code === undefined || code !== recovery.code) return 'invalid_code';
    recovery.state = 'confirmed';
    recovery.endsAt = time.clock() + 10 * MINUTE_MS;
    return 'done';
  }

  const seen = new Set<string>();
  function check(step: Action, outcome: string, expected: string): void {
    assert.equal(outcome, expected, step);
    seen.add(`${step}: ${outcome}`);
  }

  const phrase = fc.constantFrom(...phrases);
  const actions = fc
    .array(fc.tuple(fc.nat(1), phrase), { minLength: 4, maxLength: 12 })
    .map((spoken) => spoken.flatMap(([who, steps]) => steps.map((step) => [who, step] as const)));

  let finished = 0;
  await fc.assert(
    fc.asyncProperty(actions, async (steps) => {
      const all: ExpectedRecovery[] = [];
      const sessions: (ExpectedRecovery | undefined)[] = [undefined, undefined];
      for (const [who, step] of steps) {
        const own = sessions[who];
        const other = sessions[1 - who];
        const id = own?.id ?? null;
        switch (step) {
          case 'wait':
            time.advance(4 * MINUTE_MS);
            break;
          case 'begin':
          case 'begin for an unknown address': {
            const known = step === 'begin';
            const begun = await begin(harness, known ? EMAIL : UNKNOWN);
            const code = known ? lastCode(harness) : undefined;
            const endsAt = time.clock() + 10 * MINUTE_MS;
            sessions[who] = { id: begun, code, state: 'open', tries: 0, endsAt };
            all.push(sessions[who]);
            break;
          }
          case 'confirm':
            check(step, await confirm(harness, id, own?.code ?? ''), expectConfirm(own, own?.code));
            break;
          case 'confirm wrongly':
            check(step, await confirm(harness, id, WRONG_CODE), expectConfirm(own, undefined));
            break;
          case "confirm with the other's":
            check(step, await confirm(harness, id, other?.code ?? ''), expectConfirm(own, undefined));
            break;
          case 'finish': {
            const may = own?.state === 'confirmed' && time.clock() < own.endsAt;
            finished += may ? 1 : 0;
            check(step, await finish(harness, id, `new owl sky ${finished}`), may ? 'done' : 'no_recovery');
            // Setting a password ends every recovery of the account.
            if (may) for (const recovery of all.filter(({ code }) => code)) recovery.state = 'ended';
            break;
          }
        }
      }
      const password = finished === 0 ? PASSWORD : `new owl sky ${finished}`;
      assert.equal(await logIn(harness, password), 'done');
    }),
    { numRuns: 60, endOnFailure: true, seed: 1 },
  );
  for (const [step, outcomes] of Object.entries({
    confirm: ['done', 'invalid_code', 'no_recovery'],
    'confirm wrongly': ['invalid_code', 'no_recovery'],
    "confirm with the other's": ['invalid_code', 'no_recovery'],
    finish: ['done', 'no_recovery'],
  })) {
    for (const outcome of outcomes)
      assert.ok(seen.has(`${step}: ${outcome}`), `${step} never had the outcome ${outcome}`);
  }
});
