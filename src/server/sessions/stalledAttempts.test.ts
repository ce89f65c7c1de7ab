// Password attempts of a request that is executed again because its first process stalled, crashed or failed.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { CLIENT, createAccountsHarness, createTestHasher } from '../../../test/support/accounts.ts';
import {
  createExchangeHarness,
  createGate,
  handshake,
  keysOf,
  type TestHandler,
} from '../../../test/support/exchangeFixtures.ts';
import { newStoreLocation } from '../../../test/support/store.ts';
import { LOCK_RULE } from '../accounts/credentials.ts';
import type { PasswordHashing } from '../accounts/passwordHasher.ts';
import { REQUEST_LOCK_LEASE_MS } from './requestLocks.ts';

const EMAIL = 'ada@example.org';
const PASSWORD = 'blue owl sky';
const WRONG = 'green owl sky';

/** Two processes that check passwords; the hasher of the first one waits at a gate after the attempt was counted. */
async function createHarness(t: TestContext) {
  // A stalled process does not renew its lock.
  t.mock.timers.enable({ apis: ['setInterval'] });
  const harness = await createExchangeHarness(t, await newStoreLocation(t));
  const hasher = await createTestHasher();
  const gate = createGate();
  const stalling: PasswordHashing = {
    parameters: hasher.parameters,
    needsRehash: (hash) => hasher.needsRehash(hash),
    hash: (password, place) => hasher.hash(password, place),
    async verify(findHash, password, place) {
      const hash = await findHash();
      await gate.pass();
      return hasher.verify(async () => hash, password, place);
    },
  };
  const attemptsKey = randomBytes(32);
  const first = await createAccountsHarness(harness.store, { hasher: stalling, attemptsKey });
  const second = await createAccountsHarness(harness.other.store, { hasher, attemptsKey });
  await second.register('Ada', EMAIL, PASSWORD);
  const logIn = ({ credentials }: typeof first): TestHandler => ({
    prepare: ({ claimAttempt, fields }) => credentials.verify(EMAIL, fields.text, { ...CLIENT, claimAttempt }),
    execute: async () => ({}),
  });
  const failures = async () => {
    const rows = await harness.store.transaction(({ db }) =>
      db.selectFrom('login_attempts').select('failures').execute(),
    );
    return rows.map((row) => row.failures);
  };
  return { ...harness, gate, stalled: logIn(first), healthy: logIn(second), failures };
}

test('a wrong password counts once if its process stalls after counting and another one takes over', async (t) => {
  const { exchange, other, time, ask, send, gate, stalled, healthy, failures } = await createHarness(t);
  const request = ask(await handshake(exchange), undefined, WRONG);
  const first = send(request, stalled);
  await gate.reached;
  assert.deepEqual(await failures(), [1]);
  time.advance(REQUEST_LOCK_LEASE_MS);
  const { text } = await send(request, healthy, other.exchange);
  assert.deepEqual(await failures(), [1]);
  gate.open();
  assert.equal((await first).text, text);
  assert.deepEqual(await failures(), [1]);
});

test('a process that lost its lock before counting does not count', async (t) => {
  const { exchange, other, time, ask, send, healthy, failures } = await createHarness(t);
  const gate = createGate();
  const late: TestHandler = {
    ...healthy,
    async prepare(request) {
      await gate.pass();
      return healthy.prepare?.(request);
    },
  };
  const request = ask(await handshake(exchange), undefined, WRONG);
  const first = send(request, late);
  await gate.reached;
  time.advance(REQUEST_LOCK_LEASE_MS);
  const { text } = await send(request, healthy, other.exchange);
  gate.open();
  assert.equal((await first.catch(() => send(request, healthy))).text, text);
  assert.deepEqual(await failures(), [1]);
});

test('a wrong password counts once if its request fails after counting and is sent again', async (t) => {
  const { exchange, ask, send, healthy, failures } = await createHarness(t);
  const failing: TestHandler = {
    ...healthy,
    async prepare(request) {
      await Promise.resolve(healthy.prepare?.(request)).catch(() => {});
      throw new Error('the database is gone');
    },
  };
  const request = ask(await handshake(exchange), undefined, WRONG);
  await assert.rejects(send(request, failing), /the database is gone/);
  assert.deepEqual(await failures(), [1]);
  await send(request, healthy);
  assert.deepEqual(await failures(), [1]);
});

test('an attempt that was counted is still refused if the account was locked meanwhile', async (t) => {
  const { exchange, other, time, ask, send, gate, stalled, healthy, failures } = await createHarness(t);
  const request = ask(await handshake(exchange), undefined, PASSWORD);
  const first = send(request, stalled);
  await gate.reached;
  time.advance(REQUEST_LOCK_LEASE_MS);
  let keys = await handshake(exchange);
  for (let n = 0; n < LOCK_RULE.maxFailures; n += 1) {
    keys = keysOf(await send(ask(keys, undefined, WRONG), healthy, other.exchange));
  }
  await send(request, healthy, other.exchange);
  assert.deepEqual(await failures(), [LOCK_RULE.maxFailures + 1]);
  gate.open();
  await first;
});
