// Token messages on real servers: endpoints, suites, capability, limits and lost responses.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { tokenMessageEndpoints } from '../src/protocol/tokenMessageEndpoints.ts';
import { MAX_STORED_BODY } from '../src/server/messages/tokenMessages.ts';
import { MAX_STORED_RESPONSE_LENGTH } from '../src/server/sessions/ratchet.ts';
import { newPerson, type Person, register } from './support/people.ts';
import { startServer } from './support/server.ts';
import { newStoreLocation } from './support/store.ts';
import { post } from './support/suite1Client.ts';
import { openResponse2, Suite2Client } from './support/suite2Client.ts';
import { decryptBody, locatorOf, sendFields } from './support/tokenMessages.ts';

type Server = { readonly url: string };

/** Registers in suite 1, which needs no code from an email that another process may deliver. */
async function joinServer(server: Server, person: Person = newPerson()) {
  await register(server, person);
  const client = await Suite2Client.handshake(server);
  const { status } = await client.call('/login_user', { email: person.email, password: person.password });
  assert.equal(status, 200);
  return { client, person };
}

const locatorText = (token: Uint8Array) => ({ locator: locatorOf(token).toString('base64url') });

test('token messages', async (t) => {
  const server = await startServer(t);
  const { client: ada, person: adaPerson } = await joinServer(server);
  const { client: bob, person: bobPerson } = await joinServer(server);
  const { client: eve } = await joinServer(server);

  async function send(text: string, limits: object = {}) {
    const token = randomBytes(16);
    const { status, json } = await ada.call('/send_message', sendFields(token, bobPerson.username, text, limits));
    assert.equal(status, 200, JSON.stringify(json));
    return { token, id: String(json.message_id), expiresAt: Number(json.expires_at) };
  }
  const open = (token: Uint8Array, client = bob) => client.call('/open_message', locatorText(token));

  await t.test('are sent, inspected, opened, listed, extended and finished', async () => {
    const { token, id, expiresAt } = await send('Meet me at noon.', { max_opens: '5', expires_in: '3600' });
    assert.match(id, /^[0-9a-f]{32}$/);
    const inspected = (await bob.call('/inspect_message', locatorText(token))).json;
    const { sender_id: senderId, sent_at: sentAt, ...rest } = inspected;
    assert.match(String(senderId), /^[0-9a-f]{32}$/);
    assert.deepEqual(rest, {
      ...{ state: 'active', sender: adaPerson.username, sender_now: adaPerson.username, expires_at: expiresAt },
      ...{ opens: 0, max_opens: 5, receipt: true, last_opened_at: null, size: 256 },
    });
    const opened = (await open(token)).json;
    assert.equal(decryptBody(token, Buffer.from(String(opened.body), 'base64url')), 'Meet me at noon.');
    assert.deepEqual([opened.opens, opened.max_opens, opened.sent_at], [1, 5, sentAt]);
    const extended = (await ada.call('/extend_message', { message_id: id, expires_in: '7200' })).json;
    assert.equal(Number(extended.expires_at) > expiresAt, true);
    assert.equal((await open(token, eve)).json.code, 'message_not_found');
    assert.equal((await bob.call('/finish_message', locatorText(token))).status, 200);
    const { status, json } = await open(token);
    assert.deepEqual([status, json.code], [410, 'message_finished']);
    const list = (await ada.call('/list_sent_messages', { cursor: '' })).json as {
      messages: Record<string, unknown>[];
    };
    const [listed] = list.messages;
    assert.deepEqual(
      [listed?.message_id, listed?.recipient, listed?.state, listed?.opens, listed?.foreign_attempts],
      [id, bobPerson.username, 'finished', 1, 1],
    );
    assert.deepEqual((await ada.call('/revoke_message', { message_id: id })).json, { state: 'finished', opens: 1 });
  });

  await t.test('malformed values get a sealed problem, and the session continues', async () => {
    const bad = sendFields(randomBytes(16), bobPerson.username, 'text', { receipt: 'perhaps' });
    const { status, json } = await ada.call('/send_message', bad);
    assert.deepEqual([status, json.code], [400, 'malformed_request']);
    assert.equal((await ada.call('/account')).status, 200);
    const limits = sendFields(randomBytes(16), bobPerson.username, 'text', { expires_in: '1' });
    assert.deepEqual(
      (await ada.call('/send_message', limits)).json.detail,
      'The field expires_in must be from 60 to 2592000.',
    );
  });

  await t.test('suite 1 is refused at each endpoint, and its session continues', async () => {
    const client = await register(server, newPerson());
    for (const { path, fields } of Object.values(tokenMessageEndpoints)) {
      const request = client.prepare(path, Object.fromEntries(Object.keys(fields).map((name) => [name, 'x'])));
      const { status, text } = await post(server, path, request.body);
      assert.equal(status, 403, path);
      assert.match(text, /suite 2/, path);
    }
    assert.equal((await client.call('/account', {})).status, 200);
  });

  await t.test(
    'a lost response to the last open is repeated, whatever its length; nothing is counted twice',
    async () => {
      for (const length of [10, 4_000, 8_000, 1024 * 1024]) {
        const text = 'x'.repeat(length);
        const { token, id } = await send(text, { max_opens: '1' });
        const request = bob.prepare('/open_message', locatorText(token));
        const answers = [await bob.transmit(request), await bob.transmit(request), await bob.transmit(request)];
        for (const answer of answers) {
          const { status, json } = openResponse2(request, answer);
          assert.equal(status, 200, JSON.stringify(json));
          assert.equal(decryptBody(token, Buffer.from(String(json.body), 'base64url')), text, `${length} bytes`);
          assert.equal(json.opens, 1);
        }
        await bob.resend();
        assert.equal((await open(token)).json.code, 'message_used_up');
        assert.deepEqual((await ada.call('/revoke_message', { message_id: id })).json, { state: 'used_up', opens: 1 });
      }
    },
  );

  await t.test('4 KiB is the largest class whose response is always stored', async () => {
    // The longest name in bytes.
    const { client } = await joinServer(server, newPerson('𠀀'.repeat(64)));
    const sizes: number[] = [];
    for (const size of [MAX_STORED_BODY, 2 * MAX_STORED_BODY]) {
      const token = randomBytes(16);
      const fields = sendFields(token, bobPerson.username, 'x'.repeat(size - 21), { max_opens: '1000' });
      assert.equal((await client.call('/send_message', fields)).status, 200);
      const request = bob.prepare('/open_message', locatorText(token), { kem: true });
      const answer = await bob.transmit(request);
      sizes.push(answer.text.length);
      await bob.resend();
    }
    const [stored = 0, rebuilt = 0] = sizes;
    assert.ok(stored <= MAX_STORED_RESPONSE_LENGTH && rebuilt > MAX_STORED_RESPONSE_LENGTH, `${sizes}`);
  });

  await t.test('revoking erases a long message even for a pending retry', async () => {
    const { token, id } = await send('x'.repeat(20_000));
    const request = bob.prepare('/open_message', locatorText(token));
    await bob.transmit(request);
    await ada.call('/revoke_message', { message_id: id });
    assert.equal((await bob.resend()).json.code, 'message_revoked');
    assert.equal((await bob.call('/account')).status, 200);
  });
});

test('opens of two processes: one count for each, none beyond the limit', async (t) => {
  const location = await newStoreLocation(t);
  const settings = {
    DATABASE_URL: location.engine === 'postgres' ? location.url : `sqlite:${location.path}`,
    VWS_MASTER_KEY: randomBytes(32).toString('hex'),
  };
  const servers = await Promise.all([startServer(t, settings), startServer(t, settings)]);
  const [first, second] = servers;
  const { client: ada } = await joinServer(first);
  const { client: bob, person } = await joinServer(first);
  const token = randomBytes(16);
  await ada.call('/send_message', sendFields(token, person.username, 'x'.repeat(8_000), { max_opens: '3' }));
  const readers = await Promise.all(
    Array.from({ length: 6 }, async (_, n) => {
      const client = await Suite2Client.handshake(n % 2 ? first : second);
      await client.call('/login_user', { email: person.email, password: person.password });
      return client;
    }),
  );
  const results = await Promise.all(readers.map((client) => client.call('/open_message', locatorText(token))));
  assert.equal(results.filter(({ status }) => status === 200).length, 3);
  assert.equal((await bob.call('/inspect_message', locatorText(token))).json.opens, 3);
});

test('a server without token messages has no such endpoints, and does not announce them', async (t) => {
  const server = await startServer(t, {
    VWS_TOKEN_MESSAGES: 'off',
    BACKUP_RETENTION_DAYS: '14',
    MESSAGE_MAX_DAYS: '9',
  });
  const { client, person } = await joinServer(server);
  const request = client.prepare('/send_message', sendFields(randomBytes(16), person.username, 'text'));
  const { status, text } = await post(server, request.path, request.body);
  assert.equal(status, 404, text);
  assert.equal((await client.call('/account')).status, 200);
  const description = (await (await fetch(`${server.url}/.well-known/vws`)).json()) as Record<string, unknown>;
  assert.deepEqual(description.features, []);
  assert.deepEqual(description.limits, { max_days: 9, default_days: 7, max_text_bytes: 1_048_576, backup_days: 14 });
});

test('messages of one account are limited per minute; more are refused and leave the session unchanged', async (t) => {
  const server = await startServer(t, { RATE_MESSAGES_PER_MINUTE: '2' });
  const { client, person } = await joinServer(server);
  const statuses: number[] = [];
  // More than two windows allow.
  for (let n = 0; n < 5; n += 1) {
    const request = client.prepare('/send_message', sendFields(randomBytes(16), person.username, 'text'));
    const answer = await client.transmit(request);
    statuses.push(answer.status);
    if (answer.status === 200) client.step = openResponse2(request, answer).next;
  }
  assert.equal(statuses[0], 200);
  assert.ok(statuses.includes(429));
  assert.equal((await client.call('/account')).status, 200);
});
