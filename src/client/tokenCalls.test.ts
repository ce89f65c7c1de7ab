// The calls for token messages against a server in memory: what is sent, retries, messages without a caller.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createHarness, createMemoryStorage } from '../../test/support/client/harness.ts';
import { loseRequest, loseResponse, stall } from '../../test/support/client/network.ts';
import { connect, parsePayload, type SentMessage, tokenBytes } from './index.ts';
import { suite1 } from './suite1/suite.ts';

const TEXT = 'Meet me at noon. 🎬';
const SENT_AT = new Date(1_790_000_000_000);

describe('token messages', () => {
  test('a message is sent, inspected and opened as text and as bytes', async () => {
    const { server, join } = await createHarness();
    const [alice, bob] = [await join('alice'), await join('bob')];
    const sent = await alice.send('bob', TEXT, { expiresIn: 3600, maxOpens: 2 });
    assert.match(sent.token, /^[\w-]{21}[AQgw]$/);
    assert.deepEqual(sent.expiresAt, new Date(SENT_AT.getTime() + 3_600_000));
    const request = JSON.stringify(server.messages[0]?.request);
    assert.ok(!request.includes(sent.token) && !request.includes('noon'), 'the server gets neither token nor text');

    const limits = { sender: 'alice', senderNow: 'alice', senderId: 'id of alice', contactChanged: false };
    const common = { ...limits, sentAt: SENT_AT, expiresAt: sent.expiresAt, maxOpens: 2 };
    const { size, ...info } = await bob.inspect(sent.token);
    assert.deepEqual(info, { ...common, opens: 0, state: 'active', receipt: true, lastOpenedAt: null });
    assert.ok(size > 0);
    assert.deepEqual(await bob.open(sent.token), { ...common, opens: 1, text: TEXT });
    assert.deepEqual((await bob.open(tokenBytes(sent.token))).text, TEXT);
    await assert.rejects(bob.open(sent.token), { code: 'message_used_up', status: 410 });
    assert.equal((await bob.inspect(sent.token)).state, 'used_up');

    const { messages, next } = await alice.listSent();
    assert.deepEqual([messages.length, next], [1, null]);
    assert.deepEqual(
      messages.map(({ id, recipient, state, opens, endedAt }) => ({ id, recipient, state, opens, endedAt })),
      [{ id: sent.id, recipient: 'bob', state: 'used_up', opens: 2, endedAt: SENT_AT }],
    );
    assert.deepEqual(await alice.revoke(sent.id), { state: 'used_up', opens: 2 });
    await assert.rejects(alice.revoke('00'), { code: 'message_not_found' });
    await assert.rejects(alice.open(sent.token), { code: 'message_not_found' });
  });

  test('the defaults: one open, with a receipt, and the expiry of the server', async () => {
    const { server, join } = await createHarness();
    const alice = await join('alice');
    await alice.send('alice', '');
    await alice.send('alice', '', { maxOpens: null, receipt: false });
    const limits = server.messages.map(({ request }) => [request.expires_in, request.max_opens, request.receipt]);
    assert.deepEqual(limits, [
      ['', '1', 'yes'],
      ['', '', 'no'],
    ]);
  });

  test('something else than a token is refused, and nothing is sent', async () => {
    const { network, join } = await createHarness();
    const alice = await join('alice');
    const before = network.sent.length;
    for (const token of ['', 'AAECAwQFBgcICQoLDA0ODx', 'x'.repeat(84), new Uint8Array(15)]) {
      await assert.rejects(alice.open(token), { code: 'invalid_payload' });
      await assert.rejects(alice.inspect(token), { code: 'invalid_payload' });
      await assert.rejects(alice.finish(token), { code: 'invalid_payload' });
    }
    assert.equal(network.sent.length, before);
    assert.throws(() => parsePayload('damaged'), { code: 'invalid_payload' });
    assert.throws(() => tokenBytes('damaged'), { code: 'invalid_payload' });
  });

  test('a body of another message or of an unknown type: undecryptable_message', async () => {
    const { server, join } = await createHarness();
    const alice = await join('alice');
    const [first, second] = [await alice.send('alice', 'one'), await alice.send('alice', 'two')];
    const bodies = server.messages.map(({ request }) => request.body);
    const [one, two] = server.messages.map(({ request }) => request);
    assert.ok(one && two);
    one.body = bodies[1];
    two.body = 'AAAA';
    await assert.rejects(alice.open(first.token), { code: 'undecryptable_message' });
    await assert.rejects(alice.open(second.token), { code: 'undecryptable_message' });
  });

  test('a changed recipient: the message is revoked, and the token is not returned', async () => {
    const { server, join } = await createHarness();
    const alice = await join('alice', { contacts: new Map([['bob', 'id of the former bob']]) });
    await join('bob');
    await assert.rejects(alice.send('bob', TEXT), { code: 'contact_changed' });
    assert.deepEqual(
      server.messages.map(({ state }) => state),
      ['revoked'],
    );
  });

  test('a changed sender is reported', async () => {
    const { join } = await createHarness();
    const alice = await join('alice');
    const bob = await join('bob', { contacts: new Map([['alice', 'id of the former alice']]) });
    const { token } = await alice.send('bob', TEXT);
    assert.equal((await bob.inspect(token)).contactChanged, true);
    assert.equal((await bob.open(token)).contactChanged, true);
  });
});

describe('a server without token messages', () => {
  test('with a list of features: not_supported, and nothing is sent', async () => {
    const { server, network, join } = await createHarness();
    server.features = [];
    const storage = createMemoryStorage();
    await join('alice', { storage });
    const restored = await connect(network.url, { pin: server.fingerprint, fetch: network.fetch, storage });
    const before = network.sent.length;
    await assert.rejects(restored.send('alice', TEXT), { code: 'not_supported' });
    await assert.rejects(restored.open('AAECAwQFBgcICQoLDA0ODw'), { code: 'not_supported' });
    await assert.rejects(restored.listSent(), { code: 'not_supported' });
    assert.equal(network.sent.length, before);
  });

  test('with a session of an earlier version, which saved no list: the server decides', async () => {
    const { server, network, join } = await createHarness();
    const storage = createMemoryStorage();
    await join('alice', { storage });
    const { state, ...saved } = JSON.parse(storage.text ?? '');
    const { features, ...earlier } = state;
    assert.deepEqual(features, ['token-messages']);
    storage.text = JSON.stringify({ ...saved, state: earlier });
    const restored = await connect(network.url, { pin: server.fingerprint, fetch: network.fetch, storage });
    await restored.send('alice', TEXT);
    assert.equal(server.messages.length, 1);
  });

  test('suite 1: not_supported', () => {
    const state = suite1.restore({ sessionKey: 'x', aesKey: '0'.repeat(64), isLoggedIn: true });
    assert.equal(state?.supports('token-messages'), false);
  });
});

describe('a send without a response', () => {
  test('the same arguments: sent once, and the token of the first attempt opens it', async () => {
    const { server, network, join } = await createHarness();
    const alice = await join('alice');
    for (const fault of [loseResponse, loseRequest]) {
      network.always = fault;
      await assert.rejects(alice.send('alice', TEXT, { deadline: 1000 }), { code: 'network' });
      network.always = undefined;
      const sent = await alice.send('alice', TEXT);
      assert.equal((await alice.open(sent.token)).text, TEXT);
    }
    assert.equal(server.messages.length, 2);
  });

  test('in the next program: the same arguments return the token of the first', async () => {
    const { server, network, connect, join } = await createHarness();
    const storage = createMemoryStorage();
    const alice = await join('alice', { storage });
    network.always = loseResponse;
    await assert.rejects(alice.send('alice', TEXT, { deadline: 1000 }), { code: 'network' });
    network.always = undefined;
    const { pending } = JSON.parse(storage.text ?? '');
    const restored = await connect({ storage, onUnclaimedSend: () => assert.fail('the same call claims it') });
    const sent = await restored.send('alice', TEXT);
    assert.equal(sent.token, pending.token.value);
    assert.equal((await restored.open(sent.token)).text, TEXT);
    assert.equal(server.messages.length, 1);
    assert.equal(JSON.parse(storage.text ?? '').pending, undefined);
  });

  test('other arguments: another message with another token; the first is reported', async () => {
    const { server, network, join } = await createHarness();
    const unclaimed: SentMessage[] = [];
    const alice = await join('alice', { onUnclaimedSend: (sent) => unclaimed.push(sent) });
    const stop = new AbortController();
    network.faults.push(stall(() => stop.abort()));
    await assert.rejects(alice.send('alice', 'one', { signal: stop.signal }), { code: 'aborted' });
    const second = await alice.send('alice', 'one', { maxOpens: 2 });
    const [first] = unclaimed;
    assert.ok(first && first.token !== second.token);
    assert.deepEqual([unclaimed.length, server.messages.length], [1, 2]);
    assert.equal((await alice.open(first.token)).text, 'one');
  });

  test('settled by another call: reported once, before that call returns', async () => {
    const { network, connect, join } = await createHarness();
    const storage = createMemoryStorage();
    const alice = await join('alice', { storage });
    network.always = loseResponse;
    await assert.rejects(alice.send('alice', TEXT, { deadline: 1000 }), { code: 'network' });
    network.always = undefined;
    const unclaimed: SentMessage[] = [];
    let failures = 1;
    const onUnclaimedSend = async (sent: SentMessage) => {
      if (failures-- > 0) throw new Error('The disk is full.');
      unclaimed.push(sent);
    };
    await assert.rejects((await connect({ storage, onUnclaimedSend })).getAccount(), { code: 'storage_failed' });
    const restored = await connect({ storage, onUnclaimedSend });
    await restored.getAccount();
    await restored.getAccount();
    assert.equal(unclaimed.length, 1);
    assert.equal((await restored.open(unclaimed[0]?.token ?? '')).text, TEXT);
  });

  test('refused by the server: nothing is reported', async () => {
    const { server, network, join } = await createHarness();
    const alice = await join('alice', { onUnclaimedSend: () => assert.fail() });
    server.answer = (path) =>
      path === '/send_message' ? { status: 403, json: { code: 'quota_exceeded', status: 403, title: '' } } : undefined;
    network.always = loseResponse;
    await assert.rejects(alice.send('alice', TEXT, { deadline: 1000 }), { code: 'network' });
    network.always = undefined;
    assert.equal((await alice.getAccount()).username, 'alice');
  });
});
