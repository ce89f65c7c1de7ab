// Account recovery: codes, guesses, decoys and races.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { type AccountsHarness, CLIENT, createAccountsHarness, outcomeOf } from '../../../test/support/accounts.ts';
import { openTestStore } from '../../../test/support/store.ts';
import type { ClientInfo } from './knownClients.ts';

const EMAIL = 'Ada@Example.org';
const UNKNOWN = 'nobody@example.org';
const PASSWORD = 'blue owl sky';
const NEW_PASSWORD = 'green owl sky';
const SESSION = randomBytes(16);
const MINUTE_MS = 60_000;
/** Contains characters that no code contains. */
const WRONG_CODE = 'LOI010';

async function createHarness(t: TestContext): Promise<AccountsHarness> {
  const harness = await createAccountsHarness(await openTestStore(t));
  await harness.register('Ada', EMAIL, PASSWORD);
  return harness;
}

const begin = ({ transact, recovery }: AccountsHarness, email = EMAIL, client = CLIENT) =>
  transact((tx) => recovery.begin(tx, email, client));

const confirm = ({ transact, recovery }: AccountsHarness, id: Uint8Array | null, code: string) =>
  outcomeOf(transact((tx) => recovery.confirm(tx, id, code)));

async function finish(harness: AccountsHarness, id: Uint8Array | null, password = NEW_PASSWORD) {
  const { transact, recovery } = harness;
  const finishing = async () => {
    const prepared = await recovery.prepareFinish(id, password, CLIENT);
    await transact((tx) => recovery.finish(tx, id, SESSION, prepared, CLIENT));
  };
  return outcomeOf(finishing());
}

const logIn = (harness: AccountsHarness, password: string) => outcomeOf(harness.logIn(EMAIL, password));
const lastCode = ({ mails }: AccountsHarness) => mails.at(-1)?.code ?? '';

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

describe('a stranger who asks for codes at other addresses', () => {
  const LIMITED = { rates: { recoveryMailsPerHour: 20 } };
  const strangerAt = (n: number): ClientInfo => ({ ...CLIENT, address: `10.${n >> 8}.${n & 255}.1` });
  const owner: ClientInfo = { ...CLIENT, address: '203.0.113.9' };

  async function createLimitedHarness(t: TestContext): Promise<AccountsHarness> {
    const harness = await createAccountsHarness(await openTestStore(t), LIMITED);
    await harness.register('Ada', EMAIL, PASSWORD);
    return harness;
  }

  async function exhaustMails(harness: AccountsHarness): Promise<void> {
    for (let n = 0; n < 24; n += 1) {
      await begin(harness, EMAIL, strangerAt(n));
      harness.time.advance(1);
    }
  }

  test('cannot use up the mails of the account: the owner gets the code that was mailed last', async (t) => {
    const harness = await createLimitedHarness(t);
    for (let minute = 0; minute < 60; minute += 1) {
      for (let n = 0; n < 5; n += 1) await begin(harness, EMAIL, strangerAt(minute * 5 + n));
      const id = await begin(harness, EMAIL, owner);
      if (minute % 15 === 14) assert.equal(await confirm(harness, id, lastCode(harness)), 'done', `minute ${minute}`);
      harness.time.advance(MINUTE_MS);
    }
    assert.ok(harness.mails.length <= 2 * 20 + 4, `${harness.mails.length} mails`);
  });

  test('cannot use up the tries of the code that the owner shares', async (t) => {
    const harness = await createLimitedHarness(t);
    await exhaustMails(harness);
    const others = await Promise.all([30, 31, 32].map((n) => begin(harness, EMAIL, strangerAt(n))));
    for (const other of others) {
      for (let n = 0; n < 5; n += 1) assert.equal(await confirm(harness, other, WRONG_CODE), 'invalid_code');
      assert.equal(await confirm(harness, other, lastCode(harness)), 'no_recovery');
    }
    const id = await begin(harness, EMAIL, owner);
    assert.equal(await confirm(harness, id, lastCode(harness)), 'done');
    assert.equal(await finish(harness, id), 'done');
  });

  test('cannot confirm with a code that was used, nor set a password with what the owner confirmed', async (t) => {
    const harness = await createLimitedHarness(t);
    await exhaustMails(harness);
    const [id, other] = [await begin(harness, EMAIL, owner), await begin(harness, EMAIL, strangerAt(30))];
    const code = lastCode(harness);
    assert.equal(await confirm(harness, id, code), 'done');
    assert.equal(await finish(harness, other), 'no_recovery');
    assert.equal(await confirm(harness, other, code), 'no_recovery');
    assert.equal(await finish(harness, id), 'done');
  });

  test('from a known network the owner has a limit of their own', async (t) => {
    const harness = await createLimitedHarness(t);
    await harness.logInWith(EMAIL, PASSWORD, owner);
    for (let n = 0; n < 100; n += 1) await begin(harness, EMAIL, strangerAt(n));
    const mailed = harness.mails.length;
    const id = await begin(harness, EMAIL, owner);
    assert.equal(harness.mails.length, mailed + 1);
    assert.equal(await confirm(harness, id, lastCode(harness)), 'done');
  });

  test('cannot exceed the mails of a mailbox by accounts with tags whose known client they are', async (t) => {
    const harness = await createLimitedHarness(t);
    for (let n = 0; n < 12; n += 1) {
      const email = `ada+${n}@example.org`;
      await harness.register(`Eve ${n}`, email, PASSWORD);
      const deviceToken = await harness.logInWith(email, PASSWORD, strangerAt(n));
      for (let mail = 0; mail < 5; mail += 1) await begin(harness, email, { ...strangerAt(n), deviceToken });
    }
    // 20 in an hour, and 20 to those for which no code is valid that could be shared.
    assert.equal(harness.mails.length, 20 + 8);
    for (let wait = 0; wait < 6; wait += 1) {
      harness.time.advance(10 * MINUTE_MS);
      for (let n = 0; n < 12; n += 1) await begin(harness, `ada+${n}@example.org`, strangerAt(100 + n));
    }
    assert.ok(harness.mails.length <= 5 * 20, `${harness.mails.length} mails`);
    const sent = harness.mails.length;
    // They have a limit of their own, so that the owner of the address without a tag still gets mails.
    await harness.logInWith(EMAIL, PASSWORD, owner);
    await begin(harness, EMAIL, owner);
    assert.equal(harness.mails.length, sent + 1);
  });

  test('has a limited number of tries, however many recoveries share a code', async (t) => {
    const harness = await createLimitedHarness(t);
    const guess = async (client: ClientInfo) => confirm(harness, await begin(harness, EMAIL, client), WRONG_CODE);
    const outcomes = [];
    for (let n = 0; n < 30; n += 1) outcomes.push(await guess(strangerAt(1)));
    assert.deepEqual(outcomes, [...Array(25).fill('invalid_code'), ...Array(5).fill('too_many_requests')]);
    for (let n = 0; n < 90; n += 1) outcomes.push(await guess(strangerAt(2 + n)));
    assert.equal(outcomes.filter((outcome) => outcome === 'invalid_code').length, 100);
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
