// Storing and restoring sessions.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createHarness, createMemoryStorage, PASSWORD } from '../../test/support/client/harness.ts';
import { createIdentity } from '../../test/support/client/memorySuite2.ts';
import { type Fault, loseRequest, loseResponse } from '../../test/support/client/network.ts';
import { connect as connectAnywhere } from './index.ts';

describe('stored session', () => {
  test('is resumed without a network request', async () => {
    const { network, connect, join } = await createHarness();
    const storage = createMemoryStorage();
    await join('alice', { storage });
    const before = network.sent.length;
    const restored = await connect({ storage });
    assert.equal(network.sent.length, before);
    assert.equal((await restored.getAccount()).username, 'alice');
  });

  for (const [name, fault] of [
    ['was lost', loseRequest],
    ['was executed, but whose response was lost', loseResponse],
  ] as [string, Fault][]) {
    for (const [kind, isFirst] of [
      ['with a rekey', true],
      ['without a rekey', false],
    ] as const) {
      test(`a pending request ${kind} that ${name} is resent first`, async () => {
        const { server, network, clock, connect, join } = await createHarness();
        const storage = createMemoryStorage();
        const alice = await join('alice', { storage });
        if (isFirst) clock.advance(60_000);
        network.faults.push(fault);
        const change = { newUsername: 'alicia', password: PASSWORD };
        await assert.rejects(alice.changeUsername(change, { deadline: 50 }), { code: 'network' });
        assert.equal(network.sent.at(-1)?.path, '/change_username');

        const before = network.sent.length;
        const restored = await connect({ storage });
        assert.equal((await restored.getAccount()).username, 'alicia');
        assert.equal(network.sent[before]?.body, network.sent[before - 1]?.body);
        const changes = server.executions.filter(({ path }) => path === '/change_username');
        assert.deepEqual(
          changes.map(({ withKemKey }) => withKemKey),
          [isFirst],
        );
      });
    }
  }

  test('a call repeated after a crash returns the result of the first', async () => {
    const { server, network, connect } = await createHarness();
    const storage = createMemoryStorage();
    const account = { username: 'alice', email: 'alice@example.org', password: PASSWORD };
    const vws = await connect({ storage });
    network.faults.push(loseResponse);
    await assert.rejects(vws.register(account, { deadline: 50 }), { code: 'network' });
    await (await connect({ storage })).register(account);
    assert.equal(server.executions.length, 1);
  });

  test('a request that cannot be stored is not sent', async () => {
    const { network, join } = await createHarness();
    const storage = createMemoryStorage();
    const alice = await join('alice', { storage });
    const before = network.sent.length;
    storage.failures.push(new Error('The disk is full.'));
    await assert.rejects(alice.logOut(), { code: 'storage_failed' });
    assert.equal(network.sent.length, before);
    assert.equal((await alice.getAccount()).username, 'alice');
  });

  test('a response that cannot be stored is not lost', async () => {
    const { server, connect, join } = await createHarness();
    const storage = createMemoryStorage();
    const alice = await join('alice', { storage });
    storage.failures.push(undefined, new Error('The disk is full.'));
    const message = await alice.encrypt('alice', 'text');
    const restored = await connect({ storage });
    assert.equal((await restored.decrypt(message)).text, 'text');
    assert.equal(server.executions.filter(({ path }) => path === '/encrypt').length, 1);
  });

  test('with a fingerprint other than the pin: identity_changed, and the storage is unchanged', async () => {
    const { connect, join, network } = await createHarness();
    const storage = createMemoryStorage();
    await join('alice', { storage });
    const { text } = storage;
    const before = network.sent.length;
    await assert.rejects(connect({ storage, pin: createIdentity().fingerprint }), { code: 'identity_changed' });
    assert.equal(storage.text, text);
    assert.equal(network.sent.length, before);
  });

  test('determines the fingerprint: onFirstUse is not called', async () => {
    const { connect, join } = await createHarness();
    const storage = createMemoryStorage();
    await join('alice', { storage });
    const onFirstUse = () => assert.fail('it is known');
    const restored = await connect({ storage, pin: undefined, onFirstUse });
    assert.equal((await restored.getAccount()).username, 'alice');
  });

  test('of another server is not used', async () => {
    const { network, server, clock, join } = await createHarness();
    const storage = createMemoryStorage();
    await join('alice', { storage });
    const options = { pin: server.fingerprint, fetch: network.fetch, clock, storage };
    const elsewhere = await connectAnywhere('https://other.example.org/', options);
    assert.equal(elsewhere.url, 'https://other.example.org');
    await assert.rejects(elsewhere.getAccount(), { code: 'not_authenticated' });
  });

  test('that is incomplete or invalid is ignored', async () => {
    const { connect, join } = await createHarness();
    const storage = createMemoryStorage();
    await join('alice', { storage });
    const whole = storage.text ?? '';
    const invalid = [
      '',
      'null',
      whole.slice(0, whole.length / 2),
      whole.replace('"format":1', '"format":2'),
      whole.replace('"state":', '"stats":'),
      whole.replace(/"root":"[^"]*"/, '"root":7'),
      whole.replace(/"n":\d+/, '"n":"1"'),
    ];
    for (const text of invalid) {
      assert.notEqual(text, whole);
      storage.text = text;
      await assert.rejects((await connect({ storage })).getAccount(), { code: 'not_authenticated' }, text.slice(0, 80));
    }
  });

  test('that cannot be loaded: storage_failed', async () => {
    const { connect } = await createHarness();
    const cause = new Error('No access.');
    const storage = {
      ...createMemoryStorage(),
      load() {
        throw cause;
      },
    };
    await assert.rejects(connect({ storage }), { code: 'storage_failed', cause });
  });

  test('does not contain passwords, names or texts', async () => {
    const { network, join } = await createHarness();
    const storage = createMemoryStorage();
    const alice = await join('alice', { storage });
    network.faults.push(loseRequest);
    const change = { newUsername: 'alicia', password: PASSWORD };
    await assert.rejects(alice.changeUsername(change, { deadline: 50 }), { code: 'network' });
    const text = storage.text ?? '';
    assert.ok(text.includes('/change_username'), 'it contains the pending request');
    assert.doesNotMatch(text, /alice|alicia|Secret/);
  });
});
