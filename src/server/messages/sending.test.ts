// Sending and listing token messages: fields, quotas, pages.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { openTestStore } from '../../../test/support/store.ts';
import {
  createMessagesHarness,
  DAY_MS,
  encryptBody,
  type MessagesHarness,
  sendFields,
} from '../../../test/support/tokenMessages.ts';
import { PAGE_LENGTH } from './tokenMessages.ts';

const createHarness = async (t: TestContext, options?: Parameters<typeof createMessagesHarness>[1]) =>
  createMessagesHarness(await openTestStore(t), options);
const idOf = ({ ids }: MessagesHarness, name: string) => ids[name] ?? assert.fail(`no user ${name}`);
const revoke = (harness: MessagesHarness, id: string, name = 'ada') =>
  harness.run((tx) => harness.rules.revoke(tx, idOf(harness, name), id));

describe('sending', () => {
  test('malformed values, unknown recipients and used locators are refused', async (t) => {
    const harness = await createHarness(t);
    const token = randomBytes(16);
    const good = sendFields(token, 'bob', 'text');
    const body = (bytes: number) => randomBytes(bytes).toString('base64url');
    const cases: [Partial<typeof good>, string][] = [
      [{ locator: good.locator.slice(1) }, 'malformed_request'],
      [{ locator: `${good.locator.slice(0, -1)}B` }, 'malformed_request'],
      [{ locator: '' }, 'malformed_request'],
      [{ body: '' }, 'malformed_request'],
      [{ body: body(255) }, 'malformed_request'],
      [{ body: body(65_536 + 64) }, 'malformed_request'],
      [{ body: `${good.body}=` }, 'malformed_request'],
      [{ body: body(2 * 1024 * 1024) }, 'message_too_large'],
      [{ expires_in: '1.5' }, 'malformed_request'],
      [{ expires_in: '-1' }, 'malformed_request'],
      [{ expires_in: '59' }, 'invalid_limits'],
      [{ expires_in: `${30 * 24 * 3600 + 1}` }, 'invalid_limits'],
      [{ max_opens: '0' }, 'invalid_limits'],
      [{ max_opens: '1001' }, 'invalid_limits'],
      [{ max_opens: 'many' }, 'malformed_request'],
      [{ receipt: 'true' }, 'malformed_request'],
      [{ username: 'zoe' }, 'user_not_found'],
    ];
    const send = (fields: Partial<typeof good>) =>
      harness.run((tx) => harness.rules.send(tx, idOf(harness, 'ada'), { ...good, ...fields }));
    for (const [fields, code] of cases)
      await assert.rejects(send(fields), { code }, JSON.stringify(fields).slice(0, 80));
    await send({});
    await assert.rejects(send({}), { code: 'duplicate_locator' });
    assert.equal(await harness.open('bob', token), 'text');
  });

  test('the longest text is accepted', async (t) => {
    const harness = await createHarness(t);
    const text = 'x'.repeat(1024 * 1024);
    const { token } = await harness.send(text);
    assert.equal(await harness.open('bob', token), text);
    assert.equal(encryptBody(token, text).length, 17 * 65_536);
  });

  test('quotas: messages, bytes and messages to one recipient, until a message ends', async (t) => {
    const ways: [object, string][] = [
      [{ quotaCount: 2 }, 'eve'],
      [{ quotaBytes: 3 * 256 - 1 }, 'eve'],
      [{ pairQuotaCount: 2 }, 'bob'],
    ];
    for (const [limits, username] of ways) {
      const harness = await createHarness(t, { limits });
      const { id } = await harness.send('text');
      await harness.send('text');
      await assert.rejects(harness.send('text', { username }), { code: 'quota_exceeded' }, JSON.stringify(limits));
      await harness.send('text', { from: 'eve' });
      await revoke(harness, id);
      await harness.send('text', { username });
    }
  });

  test('the quota on messages to one recipient leaves others free', async (t) => {
    const harness = await createHarness(t, { limits: { pairQuotaCount: 1 } });
    await harness.send('text');
    await assert.rejects(harness.send('text'), { code: 'quota_exceeded' });
    await harness.send('text', { username: 'eve' });
    harness.advance(7 * DAY_MS);
    await harness.send('text');
  });

  test('concurrent messages do not exceed the quota', async (t) => {
    const harness = await createHarness(t, { limits: { quotaCount: 3 } });
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => harness.send('text')));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 3);
  });

  test('a full store refuses messages until some are erased', async (t) => {
    const harness = await createHarness(t, { maxBytes: 512 });
    const { id } = await harness.send('text');
    await harness.send('text', { from: 'eve' });
    await assert.rejects(harness.send('text'), { code: 'storage_full' });
    await revoke(harness, id);
    harness.advance(30_000);
    await harness.send('text');
  });
});

describe('the list', () => {
  test('has all messages of a sender once, newest first, although times are equal', async (t) => {
    const harness = await createHarness(t);
    const sent: string[] = [];
    for (let n = 0; n < PAGE_LENGTH + 5; n += 1) {
      if (n % 10 === 0) harness.advance(1);
      sent.push((await harness.send('text', n % 2 ? {} : { username: 'eve' })).id);
    }
    await harness.send('text', { from: 'eve' });
    const listed: { id: string; time: number }[] = [];
    let cursor: string | null = '';
    const sizes: number[] = [];
    while (cursor !== null) {
      const from: string = cursor;
      const page = await harness.run((tx) => harness.rules.listSent(tx, idOf(harness, 'ada'), from));
      sizes.push(page.messages.length);
      for (const { message } of page.messages) {
        listed.push({ id: Buffer.from(message.message_id).toString('hex'), time: message.created_at });
      }
      cursor = page.next;
    }
    assert.deepEqual(sizes, [PAGE_LENGTH, 5]);
    assert.deepEqual(listed.map(({ id }) => id).sort(), sent.sort());
    for (const [index, { time }] of listed.entries()) assert.ok(time <= (listed[index - 1]?.time ?? Infinity));
    for (const bad of ['x', 'AAAA', `${'_'.repeat(32)}`]) {
      await assert.rejects(
        harness.run((tx) => harness.rules.listSent(tx, idOf(harness, 'ada'), bad)),
        { code: 'malformed_request' },
      );
    }
  });
});
