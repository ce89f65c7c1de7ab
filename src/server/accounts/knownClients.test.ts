// Known clients: strangers cannot use up their attempts.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import {
  type AccountsHarness,
  CLIENT,
  createAccountsHarness,
  createTestHasher,
  outcomeOf,
} from '../../../test/support/accounts.ts';
import { openTestStore } from '../../../test/support/store.ts';
import { Credentials } from './credentials.ts';
import { type ClientInfo, KNOWN_CLIENT_LIFETIME_MS, MAX_KNOWN_CLIENTS } from './knownClients.ts';
import type { PasswordHashing } from './passwordHasher.ts';
import type { QueuePlace } from './semaphore.ts';

const EMAIL = 'ada@example.org';
const UNKNOWN = 'nobody@example.org';
const PASSWORD = 'blue owl sky';
const DAY_MS = 24 * 60 * 60 * 1000;

describe('strangers at other addresses', () => {
  const LIMITS = { rates: { failedLoginsPerDay: 100 } };
  const strangerAt = (n: number): Partial<ClientInfo> => ({ address: `10.${n >> 8}.${n & 255}.1` });
  const guessAt = (harness: AccountsHarness, n: number, email = EMAIL) =>
    outcomeOf(harness.logInWith(email, 'green owl sky', strangerAt(n)));

  async function createLimitedHarness(t: TestContext): Promise<AccountsHarness> {
    const harness = await createAccountsHarness(await openTestStore(t), LIMITS);
    await harness.register('Ada', EMAIL, PASSWORD);
    return harness;
  }

  /** Guesses from more networks than the limit of the account allows. @returns the outcomes */
  async function flood(harness: AccountsHarness, email = EMAIL): Promise<string[]> {
    const outcomes: string[] = [];
    for (let n = 0; n < 25; n += 1)
      for (let attempt = 0; attempt < 5; attempt += 1) outcomes.push(await guessAt(harness, n, email));
    return outcomes;
  }

  const owner = { address: '203.0.113.9' };

  test('cannot lock a device with a token, in any suite 2 session', async (t) => {
    const harness = await createLimitedHarness(t);
    const deviceToken = await harness.logInWith(EMAIL, PASSWORD, owner);
    await flood(harness);
    // On the road, in a network of the attacker.
    const client = { ...strangerAt(1), deviceToken };
    assert.equal(await harness.logInWith(EMAIL, PASSWORD, client), deviceToken);
    assert.equal(await outcomeOf(harness.logInWith(EMAIL, PASSWORD, strangerAt(1))), 'account_locked');
  });

  test('cannot lock a network that the account was used from, in suite 1', async (t) => {
    const harness = await createLimitedHarness(t);
    await harness.logInWith(EMAIL, PASSWORD, { ...owner, suite: 1 });
    await flood(harness);
    assert.equal(await outcomeOf(harness.logInWith(EMAIL, PASSWORD, { address: '203.0.113.77', suite: 1 })), 'done');
  });

  test('cannot lock a new device within the limit of the account, nor a logged-in session', async (t) => {
    const harness = await createLimitedHarness(t);
    const userId = await harness.logIn(EMAIL, PASSWORD);
    for (let n = 0; n < 19; n += 1) for (let attempt = 0; attempt < 6; attempt += 1) await guessAt(harness, n);
    assert.equal(await outcomeOf(harness.logInWith(EMAIL, PASSWORD, owner)), 'done');
    await flood(harness);
    const client = { ...CLIENT, address: '198.51.100.1' };
    await harness.accounts.prepareUsernameChange(userId, 'Ada L.', PASSWORD, client);
  });

  test('have a limited number of guesses in a day, at a known account and at an unknown one', async (t) => {
    const harness = await createLimitedHarness(t);
    const [known, unknown] = [await flood(harness), await flood(harness, UNKNOWN)];
    assert.deepEqual(known, unknown);
    assert.equal(known.filter((outcome) => outcome === 'invalid_credentials').length, 100);
    harness.time.advance(DAY_MS / 100);
    assert.equal(await guessAt(harness, 300), 'invalid_credentials');
    assert.equal(await guessAt(harness, 301), 'account_locked');
  });

  test('cannot find out by counting that the owner logged in', async (t) => {
    const harness = await createLimitedHarness(t);
    const checked = async () => {
      let count = 0;
      for (let n = 0; n < 25; n += 1)
        for (let attempt = 0; attempt < 5; attempt += 1)
          if ((await guessAt(harness, n)) === 'invalid_credentials') count += 1;
      return count;
    };
    await guessAt(harness, 0);
    for (let n = 0; n < 20; n += 1) await harness.logInWith(EMAIL, PASSWORD, owner);
    assert.equal(await checked(), 99);
  });

  test('in two processes at once have no more guesses', async (t) => {
    const one = await createLimitedHarness(t);
    const { store, clients, budgets } = one;
    const reportLock = async () => {};
    const shared = {
      store,
      clients,
      reportLock,
      failures: budgets.failures,
      clock: one.time.clock,
      attemptsKey: randomBytes(32),
    };
    const processes = await Promise.all(
      Array.from({ length: 2 }, async () => new Credentials({ ...shared, hasher: await createTestHasher() })),
    );
    const guesses = Array.from({ length: 120 }, (_, n) => {
      const client = { ...CLIENT, ...strangerAt(n) };
      return outcomeOf((processes[n % 2] as Credentials).verify(EMAIL, 'green owl sky', client));
    });
    const outcomes = await Promise.all(guesses);
    assert.equal(outcomes.filter((outcome) => outcome === 'invalid_credentials').length, 100);
    assert.equal(outcomes.filter((outcome) => outcome === 'account_locked').length, 20);
  });
});

describe('a device token', () => {
  const logIn = (harness: AccountsHarness, password: string, deviceToken: string | undefined, address = '10.0.0.1') =>
    outcomeOf(harness.logInWith(EMAIL, password, { deviceToken, address }));

  async function createHarness(t: TestContext) {
    const harness = await createAccountsHarness(await openTestStore(t));
    await harness.register('Ada', EMAIL, PASSWORD);
    await harness.register('Bob', 'bob@example.org', PASSWORD);
    return harness;
  }

  test('has five guesses of its own, from any address', async (t) => {
    const harness = await createHarness(t);
    const token = await harness.logInWith(EMAIL, PASSWORD, {});
    for (let n = 0; n < 5; n += 1)
      assert.equal(await logIn(harness, 'wrong', token, `10.0.${n}.1`), 'invalid_credentials');
    assert.equal(await logIn(harness, PASSWORD, token, '10.0.9.1'), 'account_locked');
    assert.equal(await logIn(harness, PASSWORD, undefined, '10.0.9.1'), 'done');
  });

  test('of another account, a forged one and an expired one count as none', async (t) => {
    const harness = await createHarness(t);
    const others = await harness.logInWith('bob@example.org', PASSWORD, {});
    const own = await harness.logInWith(EMAIL, PASSWORD, {});
    harness.time.advance(KNOWN_CLIENT_LIFETIME_MS);
    let guesses = 0;
    for (const token of [others, own, 'A'.repeat(43), '', 'x'.repeat(10_000), 'a'.repeat(43)]) {
      guesses += 1;
      const expected = guesses <= 5 ? 'invalid_credentials' : 'account_locked';
      assert.equal(await logIn(harness, 'wrong', token), expected);
    }
  });

  test('is replaced by a new one when it is not valid, stored only as a hash, and limited in number', async (t) => {
    const harness = await createHarness(t);
    const tokens: string[] = [];
    for (let n = 0; n < MAX_KNOWN_CLIENTS + 5; n += 1) {
      harness.time.advance(1);
      const address = `10.0.${n}.1`;
      tokens.push((await harness.logInWith(EMAIL, PASSWORD, { deviceToken: 'forged', address })) ?? assert.fail());
    }
    assert.equal(new Set(tokens).size, tokens.length);
    const rows = await harness.transact(({ db }) => db.selectFrom('known_clients').selectAll().execute());
    assert.deepEqual(
      [1, 2].map((kind) => rows.filter((row) => row.kind === kind).length),
      [20, 20],
    );
    const stored = Buffer.concat(rows.map((row) => Buffer.from(row.client_hash)));
    for (const token of tokens) assert.ok(!stored.includes(Buffer.from(token, 'base64url')));
    assert.notEqual(await harness.logInWith(EMAIL, PASSWORD, { deviceToken: tokens[0] }), tokens[0]);
    assert.equal(await harness.logInWith(EMAIL, PASSWORD, { deviceToken: tokens.at(-1) }), tokens.at(-1));
  });

  test('goes first in the hashing queue, and so does a session of the account', async (t) => {
    const inner = await createTestHasher();
    const places: QueuePlace[] = [];
    const hasher: PasswordHashing = {
      parameters: inner.parameters,
      needsRehash: (hash) => inner.needsRehash(hash),
      hash: (password, place) => inner.hash(password, place),
      verify(findHash, password, place) {
        places.push(place);
        return inner.verify(findHash, password, place);
      },
    };
    const harness = await createAccountsHarness(await openTestStore(t), { hasher });
    const userId = await harness.register('Ada', EMAIL, PASSWORD);
    await harness.register('Bob', 'bob@example.org', PASSWORD);
    const deviceToken = await harness.logInWith(EMAIL, PASSWORD, { address: '10.0.0.1' });
    await harness.logInWith(EMAIL, PASSWORD, { address: '10.0.0.2', deviceToken });
    await harness.logInWith('bob@example.org', PASSWORD, { address: '10.0.0.3', deviceToken });
    await harness.accounts.prepareUsernameChange(userId, 'Ada L.', PASSWORD, { ...CLIENT, address: '10.0.0.4' });
    assert.deepEqual(
      places.map(({ lane, isPreferred }) => [lane, isPreferred]),
      [
        ['10.0.0.1', false],
        ['10.0.0.2', true],
        ['10.0.0.3', false],
        ['10.0.0.4', true],
      ],
    );
  });

  test('has limits of its own; a forged one, and that of another account, have those of the address', async (t) => {
    const harness = await createHarness(t);
    const [own, others] = [
      await harness.logInWith(EMAIL, PASSWORD, {}),
      await harness.logInWith('bob@example.org', PASSWORD, {}),
    ];
    const subject = (deviceToken: string | undefined, email = EMAIL) =>
      harness.transact((tx) => harness.clients.limitSubject(tx, email, { ...CLIENT, deviceToken }));
    assert.notEqual(await subject(own), CLIENT.address);
    assert.equal(await subject(own, ` ${EMAIL.toUpperCase()} `), await subject(own));
    assert.notEqual(await subject(own), await subject(others, 'bob@example.org'));
    for (const token of [undefined, others, 'A'.repeat(43), 'x'.repeat(10_000), '']) {
      assert.equal(await subject(token), CLIENT.address);
    }
    assert.equal(await subject(own, 'unknown@example.org'), CLIENT.address);
  });

  test('is given in suite 2 only, and none survives a new password', async (t) => {
    const harness = await createHarness(t);
    assert.equal(await harness.logInWith(EMAIL, PASSWORD, { suite: 1 }), undefined);
    const deviceToken = await harness.logInWith(EMAIL, PASSWORD, {});
    const userId = await harness.logIn(EMAIL, PASSWORD);
    const change = await harness.accounts.preparePasswordChange(userId, PASSWORD, 'green owl sky', CLIENT);
    await harness.transact((tx) => harness.accounts.changePassword(tx, randomBytes(16), change, CLIENT));
    assert.notEqual(await harness.logInWith(EMAIL, 'green owl sky', { deviceToken }), deviceToken);
  });
});
