// Rules of token messages: states, opens, receipts, quotas and the tripwire.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { openTestStore } from '../../../test/support/store.ts';
import {
  createMessagesHarness,
  DAY_MS,
  IDLE_MS,
  locatorOf,
  type MessagesHarness,
  RECEIPT_MS,
  sendFields,
} from '../../../test/support/tokenMessages.ts';
import { deleteUser, updateUsername } from '../store/users.ts';

const createHarness = async (t: TestContext, options?: Parameters<typeof createMessagesHarness>[1]) =>
  createMessagesHarness(await openTestStore(t), options);
const LONG = 'x'.repeat(5_000);
const idOf = ({ ids }: MessagesHarness, name: string) => ids[name] ?? assert.fail(`no user ${name}`);
const text64 = (token: Uint8Array) => locatorOf(token).toString('base64url');

/** Returns the sender's view of their only message. */
async function sentBy(harness: MessagesHarness, name = 'ada') {
  const { messages } = await harness.run((tx) => harness.rules.listSent(tx, idOf(harness, name), ''));
  const [{ message, end } = assert.fail('no message')] = messages;
  return { ...message, ...end };
}

const stateFor = (harness: MessagesHarness, token: Uint8Array, name = 'bob') =>
  harness.run(async (tx) => (await harness.rules.inspect(tx, idOf(harness, name), text64(token))).state);
const revoke = (harness: MessagesHarness, id: string, name = 'ada') =>
  harness.run((tx) => harness.rules.revoke(tx, idOf(harness, name), id));
const finish = (harness: MessagesHarness, token: Uint8Array, name = 'bob') =>
  harness.run((tx) => harness.rules.finish(tx, idOf(harness, name), text64(token)));
const extend = (harness: MessagesHarness, id: string, seconds: string, name = 'ada') =>
  harness.run((tx) => harness.rules.extend(tx, idOf(harness, name), id, seconds));

async function storedBodies({ store }: MessagesHarness): Promise<number> {
  const rows = await store.transaction(({ db }) =>
    db.selectFrom('token_messages').select('message_id').where('sealed_body', 'is not', null).execute(),
  );
  return rows.length;
}

describe('states', () => {
  test('active: only the recipient can inspect and open it', async (t) => {
    const harness = await createHarness(t);
    const { token } = await harness.send('Meet me at noon.', { max_opens: '3' });
    const { message, state } = await harness.run((tx) =>
      harness.rules.inspect(tx, idOf(harness, 'bob'), text64(token)),
    );
    assert.deepEqual(
      [state, message.sender_name, message.sender_now, message.opens, message.max_opens, message.body_bytes],
      ['active', 'ada', 'ada', 0, 3, 256],
    );
    assert.equal(message.expires_at, harness.now() + 7 * DAY_MS);
    assert.equal(await harness.open('bob', token), 'Meet me at noon.');
    for (const other of ['ada', 'eve']) {
      await assert.rejects(harness.open(other, token), { code: 'message_not_found' });
      await assert.rejects(stateFor(harness, token, other), { code: 'message_not_found' });
      await assert.rejects(finish(harness, token, other), { code: 'message_not_found' });
    }
    await assert.rejects(harness.open('bob', randomBytes(16)), { code: 'message_not_found' });
  });

  test('used up: after the last open, in all of its forms; the body is erased', async (t) => {
    const harness = await createHarness(t);
    const { token } = await harness.send('text', { max_opens: '2' });
    await harness.open('bob', token);
    assert.equal(await stateFor(harness, token), 'active');
    assert.equal(await harness.open('bob', token), 'text');
    assert.equal(await storedBodies(harness), 0);
    await assert.rejects(harness.open('bob', token), { code: 'message_used_up' });
    assert.equal(await stateFor(harness, token), 'used_up');
    const { state, opens, endedAt, first_opened_at } = await sentBy(harness);
    assert.deepEqual([state, opens, endedAt, first_opened_at], ['used_up', 2, harness.now(), harness.now()]);
  });

  test('expired: at the very millisecond, before and after the sweep', async (t) => {
    const harness = await createHarness(t);
    const { token } = await harness.send('text', { expires_in: '60' });
    harness.advance(59_999);
    assert.equal(await harness.open('bob', token), 'text');
    harness.advance(1);
    const check = async () => {
      await assert.rejects(harness.open('bob', token), { code: 'message_expired' });
      assert.equal(await stateFor(harness, token), 'expired');
      const { state, endedAt, expires_at } = await sentBy(harness);
      assert.deepEqual([state, endedAt], ['expired', expires_at]);
    };
    await check();
    await harness.sweep();
    assert.equal(await storedBodies(harness), 0);
    harness.advance(1_000);
    await check();
  });

  test('revoked: the body is erased at once; a second time changes nothing', async (t) => {
    const harness = await createHarness(t);
    const { token, id } = await harness.send('text');
    await harness.open('bob', token);
    assert.deepEqual(await revoke(harness, id), { state: 'revoked', opens: 1 });
    assert.equal(await storedBodies(harness), 0);
    await assert.rejects(harness.open('bob', token), { code: 'message_revoked' });
    const { endedAt } = await sentBy(harness);
    harness.advance(10);
    assert.deepEqual(await revoke(harness, id), { state: 'revoked', opens: 1 });
    assert.equal((await sentBy(harness)).endedAt, endedAt);
    for (const other of ['bob', 'eve']) {
      await assert.rejects(revoke(harness, id, other), { code: 'message_not_found' });
    }
  });

  test('finished: by the recipient; revoking it afterwards changes nothing', async (t) => {
    const harness = await createHarness(t);
    const { token, id } = await harness.send('text');
    await finish(harness, token);
    assert.equal(await storedBodies(harness), 0);
    await assert.rejects(harness.open('bob', token), { code: 'message_finished' });
    assert.deepEqual(await revoke(harness, id), { state: 'finished', opens: 0 });
    await finish(harness, token);
    assert.equal(await stateFor(harness, token), 'finished');
  });

  test('an ended message of the sender is shown until the receipt ends, then deleted', async (t) => {
    const harness = await createHarness(t);
    const { token, id } = await harness.send('text');
    await revoke(harness, id);
    harness.advance(RECEIPT_MS - 1);
    await harness.sweep();
    assert.equal((await sentBy(harness)).state, 'revoked');
    harness.advance(1);
    await harness.sweep();
    await assert.rejects(revoke(harness, id), { code: 'message_not_found' });
    await assert.rejects(stateFor(harness, token), { code: 'message_not_found' });
  });
});

describe('extending', () => {
  test('postpones the expiry, never moves it to an earlier time', async (t) => {
    const harness = await createHarness(t);
    const { token, id } = await harness.send('text', { expires_in: '3600' });
    assert.equal(await extend(harness, id, '60'), harness.now() + 3_600_000);
    assert.equal(await extend(harness, id, '7200'), harness.now() + 7_200_000);
    assert.equal(await extend(harness, id, ''), harness.now() + 7 * DAY_MS);
    harness.advance(6 * DAY_MS);
    assert.equal(await harness.open('bob', token), 'text');
    await assert.rejects(extend(harness, id, '3600', 'eve'), { code: 'message_not_found' });
    await assert.rejects(extend(harness, id, '59'), { code: 'invalid_limits' });
  });

  test('fails for an ended message, also one that has just expired', async (t) => {
    const harness = await createHarness(t);
    const { id } = await harness.send('text', { expires_in: '60' });
    harness.advance(60_000);
    await assert.rejects(extend(harness, id, '60'), { code: 'message_ended' });
    await harness.sweep();
    await assert.rejects(extend(harness, id, '60'), { code: 'message_ended' });
  });
});

describe('without a receipt', () => {
  test('the sender cannot tell whether the message was opened, used up or finished', async (t) => {
    const look = async (act: (harness: MessagesHarness, token: Uint8Array) => Promise<unknown>) => {
      const harness = await createHarness(t);
      const { token, id } = await harness.send('text', { receipt: 'no', max_opens: '1', expires_in: '3600' });
      harness.advance(1_000);
      await act(harness, token);
      const seen: unknown[] = [];
      const note = async () => {
        const { state, endedAt, expires_at } = await sentBy(harness);
        seen.push([state, endedAt, expires_at]);
      };
      await note();
      seen.push(await extend(harness, id, '7200'));
      await harness.sweep();
      await note();
      harness.advance(3 * 3_600_000);
      await note();
      await harness.sweep();
      await note();
      harness.advance(RECEIPT_MS - 2 * 3_600_000);
      await harness.sweep();
      await note();
      await assert.rejects(extend(harness, id, '7200'), { code: 'message_ended' });
      assert.deepEqual(await revoke(harness, id), { state: 'expired', opens: null });
      harness.advance(2 * 3_600_000);
      await harness.sweep();
      await assert.rejects(revoke(harness, id), { code: 'message_not_found' });
      return seen;
    };
    const untouched = await look(async () => {});
    assert.deepEqual(await look((harness, token) => harness.open('bob', token)), untouched);
    assert.deepEqual(await look(finish), untouched);
  });

  test('revoking reports revoked in every case, and the list does, too', async (t) => {
    const acts = [async () => {}, (harness: MessagesHarness, token: Uint8Array) => harness.open('bob', token), finish];
    for (const act of acts) {
      const harness = await createHarness(t);
      const { token, id } = await harness.send('text', { receipt: 'no', max_opens: '1' });
      await act(harness, token);
      harness.advance(5);
      assert.deepEqual(await revoke(harness, id), { state: 'revoked', opens: null });
      const { state, endedAt } = await sentBy(harness);
      assert.deepEqual([state, endedAt], ['revoked', harness.now()]);
    }
  });

  test('the quota counts a message until it expires or is revoked', async (t) => {
    const harness = await createHarness(t, { limits: { quotaCount: 1 } });
    const { token, id } = await harness.send('text', { receipt: 'no', max_opens: '1' });
    await harness.open('bob', token);
    await assert.rejects(harness.send('text'), { code: 'quota_exceeded' });
    await revoke(harness, id);
    await harness.send('text');
  });
});

describe('opens', () => {
  test('concurrent opens: as many succeed as the limit allows', async (t) => {
    const harness = await createHarness(t);
    const { token } = await harness.send('text', { max_opens: '3' });
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => harness.open('bob', token)));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 3);
    assert.equal((await sentBy(harness)).opens, 3);
  });

  test('a repeated open of a long body counts nothing, also after the last one', async (t) => {
    const harness = await createHarness(t);
    const { token } = await harness.send(LONG, { max_opens: '1' });
    assert.equal(await harness.open('bob', token), LONG);
    await harness.sweep();
    assert.equal(await harness.open('bob', token, true), LONG);
    assert.equal((await sentBy(harness)).opens, 1);
    await assert.rejects(harness.open('bob', token), { code: 'message_used_up' });
  });

  test('a long body is kept for the idle timeout after the last time it was returned, then erased', async (t) => {
    const harness = await createHarness(t);
    const { token } = await harness.send(LONG, { max_opens: '1', expires_in: '60' });
    await harness.open('bob', token);
    harness.advance(IDLE_MS - 1);
    await harness.sweep();
    assert.equal(await harness.open('bob', token, true), LONG);
    harness.advance(IDLE_MS - 1);
    await harness.sweep();
    assert.equal(await storedBodies(harness), 1);
    harness.advance(1);
    await harness.sweep();
    assert.equal(await storedBodies(harness), 0);
    await assert.rejects(harness.open('bob', token, true), { code: 'message_used_up' });
  });

  test('an expired long body is kept for a retry, too', async (t) => {
    const harness = await createHarness(t);
    const { token } = await harness.send(LONG, { expires_in: '60' });
    harness.advance(59_999);
    await harness.open('bob', token);
    harness.advance(1);
    await harness.sweep();
    assert.equal(await harness.open('bob', token, true), LONG);
    await assert.rejects(harness.open('bob', token), { code: 'message_expired' });
  });

  test('revoking and finishing erase a long body even for a pending retry', async (t) => {
    const harness = await createHarness(t);
    const revoked = await harness.send(LONG);
    const finished = await harness.send(LONG);
    for (const { token } of [revoked, finished]) await harness.open('bob', token);
    await revoke(harness, revoked.id);
    await finish(harness, finished.token);
    await assert.rejects(harness.open('bob', revoked.token, true), { code: 'message_revoked' });
    await assert.rejects(harness.open('bob', finished.token, true), { code: 'message_finished' });
  });

  test('a body sealed under an earlier version of the key opens', async (t) => {
    const harness = await createHarness(t);
    const { token } = await harness.send('text', { expires_in: `${30 * 24 * 3600}` });
    await harness.run((tx) => harness.keyring.currentKey(tx, idOf(harness, 'bob'), harness.now() + 400 * DAY_MS));
    assert.equal(await harness.open('bob', token), 'text');
  });

  test('a body moved to another row does not open', async (t) => {
    const harness = await createHarness(t);
    const [first, second] = [await harness.send('first'), await harness.send('second')];
    await harness.store.transaction(async ({ db }) => {
      const rows = await db.selectFrom('token_messages').selectAll().execute();
      const bodyOf = (id: string) =>
        rows.find((row) => Buffer.from(row.message_id).toString('hex') === id)?.sealed_body;
      await db
        .updateTable('token_messages')
        .set({ sealed_body: bodyOf(second.id) ?? null })
        .where('message_id', '=', Buffer.from(first.id, 'hex'))
        .execute();
    });
    await assert.rejects(harness.open('bob', first.token), /altered or damaged/);
  });
});

describe('the tripwire', () => {
  test('counts other accounts that name the locator, in every state; not the sender, not the recipient', async (t) => {
    const harness = await createHarness(t);
    const { token, id } = await harness.send('text', { receipt: 'no' });
    const tries = async () => {
      const { foreign_attempts, last_foreign_attempt_at } = await sentBy(harness);
      return [foreign_attempts, last_foreign_attempt_at];
    };
    for (const name of ['ada', 'bob']) await stateFor(harness, token, name).catch(() => {});
    await harness.open('ada', token).catch(() => {});
    await harness.open('bob', token);
    assert.deepEqual(await tries(), [0, null]);
    await assert.rejects(harness.open('eve', token), { code: 'message_not_found' });
    harness.advance(5);
    await assert.rejects(stateFor(harness, token, 'eve'), { code: 'message_not_found' });
    assert.deepEqual(await tries(), [2, harness.now()]);
    await revoke(harness, id);
    await assert.rejects(harness.open('eve', token), { code: 'message_not_found' });
    assert.deepEqual(await tries(), [3, harness.now()]);
  });

  test('counts an account that finishes a message of another, or sends with its locator', async (t) => {
    const harness = await createHarness(t);
    const { token } = await harness.send('text');
    const eve = idOf(harness, 'eve');
    const finished = harness.run((tx) => harness.rules.finish(tx, eve, text64(token)));
    await assert.rejects(finished, { code: 'message_not_found' });
    const fields = sendFields(token, 'eve', 'another text');
    const sent = harness.run((tx) => harness.rules.send(tx, eve, fields));
    await assert.rejects(sent, { code: 'duplicate_locator' });
    assert.equal((await sentBy(harness)).foreign_attempts, 2);
  });
});

describe('names and accounts', () => {
  async function setup(t: TestContext) {
    const harness = await createHarness(t);
    const { token, id } = await harness.send('text');
    return { harness, token, id };
  }

  test('the recipient sees the name at the time of sending and the current one', async (t) => {
    const { harness, token } = await setup(t);
    const name = { username: 'ada.lovelace', username_key: 'ada.lovelace' };
    await harness.run((tx) => updateUsername(tx, idOf(harness, 'ada'), name));
    const { message } = await harness.run((tx) => harness.rules.inspect(tx, idOf(harness, 'bob'), text64(token)));
    assert.deepEqual([message.sender_name, message.sender_now], ['ada', 'ada.lovelace']);
  });

  test('a message outlives its sender’s account', async (t) => {
    const { harness, token } = await setup(t);
    await harness.run((tx) => deleteUser(tx, idOf(harness, 'ada')));
    const { message } = await harness.run((tx) => harness.rules.inspect(tx, idOf(harness, 'bob'), text64(token)));
    assert.deepEqual([message.sender_name, message.sender_now, message.sender_id], ['ada', null, null]);
    await assert.rejects(harness.open('eve', token), { code: 'message_not_found' });
    assert.equal(await harness.open('bob', token), 'text');
  });

  test('a message is deleted with its recipient’s account', async (t) => {
    const { harness, id } = await setup(t);
    await harness.run((tx) => deleteUser(tx, idOf(harness, 'bob')));
    await assert.rejects(revoke(harness, id), { code: 'message_not_found' });
  });
});
