// The identity of the server and the handshake.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createHarness, createMemoryStorage, PASSWORD } from '../../test/support/client/harness.ts';
import { createIdentity, createServerKey } from '../../test/support/client/memorySuite2.ts';
import { answerWith, loseRequest, loseResponse, tamper } from '../../test/support/client/network.ts';
import { connect as connectTo, VwsError } from './index.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

describe('server address', () => {
  test('must be an absolute http: or https: URL without user, query and fragment', async () => {
    const { server, network, clock } = await createHarness();
    const options = { pin: server.fingerprint, fetch: network.fetch, clock };
    for (const url of [
      'nix',
      '',
      '/vws',
      'vws.example.org',
      'localhost:8000',
      'ftp://vws.example.org',
      'https://alice:secret@vws.example.org',
      'https://vws.example.org?x',
      'https://vws.example.org#x',
    ]) {
      await assert.rejects(connectTo(url, options), (error) => {
        assert.ok(error instanceof VwsError && error.code === 'url_invalid', url);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    }
    assert.equal(network.sent.length, 0);
    assert.equal((await connectTo('https://vws.example.org/', options)).url, 'https://vws.example.org');
  });
});

describe('server identity', () => {
  test('connect requires pin or onFirstUse', async () => {
    const { network, connect } = await createHarness();
    await assert.rejects(connect({ pin: undefined }), { code: 'identity_required' });
    await assert.rejects(connect({ pin: 'too short' }), { code: 'identity_required' });
    await assert.rejects(connectTo(network.url), { name: 'VwsError', code: 'identity_required' });
    assert.equal(network.sent.length, 0);
  });

  test('a fingerprint other than the pin is refused before anything else is sent', async () => {
    const { server, network, connect } = await createHarness();
    const { fingerprint } = createIdentity();
    await assert.rejects(connect({ pin: fingerprint }), (error) => {
      assert.ok(error instanceof VwsError);
      assert.equal(error.code, 'identity_changed');
      assert.ok(error.message.includes(server.fingerprint));
      assert.equal(error.fingerprint, server.fingerprint);
      return true;
    });
    assert.deepEqual(
      network.sent.map(({ body }) => body),
      ['{"suite":2}'],
    );
  });

  test('onFirstUse receives the fingerprint once, also after resends', async () => {
    const { server, network, connect } = await createHarness();
    const received: string[] = [];
    network.faults.push(loseRequest, (_, forward) => forward(), loseResponse);
    const vws = await connect({ pin: undefined, onFirstUse: (fingerprint) => received.push(fingerprint) });
    assert.deepEqual(received, [server.fingerprint]);
    assert.equal(vws.fingerprint, server.fingerprint);
  });

  test('an identity accepted by onFirstUse cannot change during the handshake', async () => {
    const { network, connect } = await createHarness();
    const other = await createServerKey(createIdentity(), 0, 2e12);
    const received: string[] = [];
    network.faults.push((_, forward) => forward(), answerWith(200, other.introduction));
    const onFirstUse = (fingerprint: string) => received.push(fingerprint);
    await assert.rejects(connect({ pin: undefined, onFirstUse }), { code: 'identity_changed' });
    assert.equal(received.length, 1);
  });

  test('onFirstUse can refuse by returning false or throwing', async () => {
    const { network, connect } = await createHarness();
    const cause = new Error('No.');
    const refusals = [
      () => false,
      async () => false,
      () => {
        throw cause;
      },
    ];
    for (const onFirstUse of refusals) {
      await assert.rejects(connect({ pin: undefined, onFirstUse }), { code: 'identity_refused' });
    }
    assert.ok(network.sent.every(({ body }) => body === '{"suite":2}'));
  });

  test('onFirstUse is not subject to the deadline', async () => {
    const { clock, connect } = await createHarness();
    const onFirstUse = () => clock.advance(10 * 60_000);
    await connect({ pin: undefined, onFirstUse, deadline: 1000 });
  });

  test('a key that is not signed by the identity is refused', async () => {
    const { server, network, connect } = await createHarness();
    const other = (await createServerKey(createIdentity(), 0, 2e12)).introduction;
    for (const bent of [
      { ...other, identity: server.fingerprint },
      { ...server.introduction, signature: other.signature },
      { ...server.introduction, descriptor: other.descriptor },
      { ...server.introduction, signature: '' },
      { ...server.introduction, descriptor: 'AAAA' },
      { ...server.introduction, identity: 7 },
    ]) {
      network.faults.push(answerWith(200, bent));
      await assert.rejects(connect(), { code: 'descriptor_invalid' });
    }
    await connect();
  });
});

describe('server key', () => {
  test('is valid in its period, with a tolerance of one day', async () => {
    const { server, clock, connect } = await createHarness();
    const now = clock.now();
    for (const [from, until, isGood] of [
      [now + DAY_MS - 1000, now + 30 * DAY_MS, true],
      [now + DAY_MS + 1000, now + 30 * DAY_MS, false],
      [now - 30 * DAY_MS, now - DAY_MS + 1000, true],
      [now - 30 * DAY_MS, now - DAY_MS - 1000, false],
    ] as const) {
      await server.rotateKey(from, until);
      if (isGood) await connect();
      else await assert.rejects(connect(), { code: 'descriptor_invalid' });
    }
  });

  test('a new key in place of the cached one is verified and used', async () => {
    const { server, network, clock, connect } = await createHarness();
    const vws = await connect();
    await server.rotateKey();
    clock.advance(61_000);
    const before = network.sent.length;
    await vws.register({ username: 'alice', email: 'alice@example.org', password: PASSWORD });
    const sent = network.sent.slice(before);
    assert.deepEqual(
      sent.map(({ path }) => path),
      ['/create_session_key', '/create_session_key', '/register_user'],
    );
    assert.ok(
      sent.every(({ body }) => body !== '{"suite":2}'),
      'the cached key saves a request',
    );
  });

  test('a new key of another identity is refused', async () => {
    const { network, clock, connect } = await createHarness();
    const vws = await connect();
    const other = await createServerKey(createIdentity(), 0, 2e12);
    clock.advance(61_000);
    network.faults.push(answerWith(200, other.introduction));
    await assert.rejects(vws.getAccount(), { code: 'identity_changed' });
  });

  test('a server that rejects its own key: bad_answer', async () => {
    const { server, network, connect } = await createHarness();
    network.always = async () => ({ status: 200, json: server.introduction });
    await assert.rejects(connect({ deadline: 2000 }), { code: 'bad_answer' });
  });
});

describe('handshake', () => {
  test('a manipulated response is discarded and the handshake repeated', async () => {
    const { network, connect } = await createHarness();
    const bend = tamper(({ status, json }) => {
      const bytes = Buffer.from((json as { ciphertext: string }).ciphertext, 'base64url');
      bytes[5] = (bytes[5] ?? 0) ^ 1;
      return { status, json: { suite: 2, ciphertext: bytes.toString('base64url') } };
    });
    network.faults.push((_, forward) => forward(), bend);
    await connect();
    network.always = (request, forward) => (request.body === '{"suite":2}' ? forward() : bend(request, forward));
    await assert.rejects(connect({ deadline: 2000 }), { code: 'bad_answer' });
  });

  test('a response in suite 1 is refused: no downgrade', async () => {
    const { network, connect } = await createHarness();
    for (const fault of [
      answerWith(404, 'Error!'),
      answerWith(200, { ciphertext: 'ab12', session_key: 'QUJD' }),
      answerWith(200, { suite: 1 }),
    ]) {
      const before = network.sent.length;
      network.faults.push(fault);
      await assert.rejects(connect(), { code: 'downgrade_refused' });
      assert.equal(network.sent.length, before + 1);
    }
    for (const fault of [answerWith(404, 'Error!'), answerWith(200, { ciphertext: 'ab12', session_key: 'QUJD' })]) {
      network.faults.push((_, forward) => forward(), fault);
      await assert.rejects(connect(), { code: 'downgrade_refused' });
    }
  });

  test('status 413 becomes payload_too_large', async () => {
    const { network, clock, connect } = await createHarness();
    network.faults.push(answerWith(413, {}));
    await assert.rejects(connect(), { name: 'VwsError', code: 'payload_too_large', status: 413 });
    const vws = await connect();
    clock.advance(61_000);
    network.faults.push(answerWith(413, {}));
    await assert.rejects(vws.getAccount(), { name: 'VwsError', code: 'payload_too_large', status: 413 });
  });

  test('an unused session that the server has dropped is replaced before the first request', async () => {
    const { server, clock, connect } = await createHarness();
    const vws = await connect();
    clock.advance(3 * 60_000);
    server.sessions.clear();
    await vws.register({ username: 'alice', email: 'alice@example.org', password: PASSWORD });
    clock.advance(3 * 60_000);
    assert.equal((await vws.getAccount()).username, 'alice', 'a used session is not replaced');
  });

  test('a session that cannot be saved: storage_failed', async () => {
    const { connect } = await createHarness();
    const storage = createMemoryStorage();
    const cause = new Error('The disk is full.');
    storage.failures.push(cause);
    await assert.rejects(connect({ storage }), { code: 'storage_failed', cause });
  });
});
