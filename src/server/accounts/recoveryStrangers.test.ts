// Account recovery while strangers ask for codes: limits on mails and tries.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { type AccountsHarness, CLIENT, createAccountsHarness } from '../../../test/support/accounts.ts';
import {
  begin,
  confirm,
  EMAIL,
  finish,
  lastCode,
  MINUTE_MS,
  PASSWORD,
  WRONG_CODE,
} from '../../../test/support/recoveries.ts';
import { openTestStore } from '../../../test/support/store.ts';
import type { ClientInfo } from './knownClients.ts';

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
    assert.equal(harness.mails.length, 20);
    for (let wait = 0; wait < 6; wait += 1) {
      harness.time.advance(10 * MINUTE_MS);
      for (let n = 0; n < 12; n += 1) await begin(harness, `ada+${n}@example.org`, strangerAt(100 + n));
    }
    assert.ok(harness.mails.length <= 2 * 20, `${harness.mails.length} mails`);
    const sent = harness.mails.length;
    // They have a limit of their own, so that the owner of the address without a tag still gets mails.
    await harness.logInWith(EMAIL, PASSWORD, owner);
    await begin(harness, EMAIL, owner);
    assert.equal(harness.mails.length, sent + 1);
  });

  test('cannot exceed the mails of a mailbox by device tokens, networks and tags together', async (t) => {
    const harness = await createLimitedHarness(t);
    const request = async (email: string, client: ClientInfo) => {
      for (let mail = 0; mail < 5; mail += 1) await begin(harness, email, client);
    };
    // Accounts of suite 1: no code confirmed that the address is theirs.
    for (let n = 0; n < 40; n += 1) {
      const email = `ada+${n}@example.org`;
      await harness.register(`Eve ${n}`, email, PASSWORD);
      await request(email, strangerAt(n));
    }
    assert.equal(harness.mails.length, 20, 'to addresses with a tag');
    for (let n = 0; n < 20; n += 1) {
      const client = { ...strangerAt(n), suite: 2 };
      await request(EMAIL, { ...client, deviceToken: await harness.logInWith(EMAIL, PASSWORD, client) });
      await request(EMAIL, strangerAt(100 + n));
    }
    assert.equal(harness.mails.length, 2 * 20, 'the address without a tag keeps half of them');
    for (let minute = 1; minute <= 60; minute += 1) {
      harness.time.advance(MINUTE_MS);
      await request(EMAIL, strangerAt(minute));
      await request(`ada+${minute % 40}@example.org`, strangerAt(minute));
      if (minute % 5 > 0) continue;
      const id = await begin(harness, EMAIL, owner);
      const code = harness.mails.findLast(({ to }) => to === EMAIL)?.code ?? '';
      assert.equal(await confirm(harness, id, code), 'done', `the owner recovers in minute ${minute}`);
    }
    assert.ok(harness.mails.length <= 2 * 2 * 20, `${harness.mails.length} mails`);
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
