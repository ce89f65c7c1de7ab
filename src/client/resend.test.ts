// Resending, deadlines and aborted calls.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createHarness, PASSWORD } from '../../test/support/client/harness.ts';
import { answerWith, type Fault, loseRequest, loseResponse, stall, tamper } from '../../test/support/client/network.ts';
import { VwsError } from './index.ts';

const problem = (status: number, code: string, headers = {}) =>
  answerWith(status, { type: `/problems#${code}`, title: code, status, code }, headers);

const flipPayload = tamper(({ status, json }) => {
  const { payload } = json as { payload: string };
  const bytes = Buffer.from(payload, 'base64url');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return { status, json: { suite: 2, payload: bytes.toString('base64url') } };
});

/** All events after which the same bytes must be resent. */
const UNANSWERED: Record<string, Fault> = {
  'a lost request': loseRequest,
  'a lost response': loseResponse,
  'a 429': problem(429, 'too_many_requests'),
  'a 500': problem(500, 'internal_error'),
  'a 502 from a proxy': answerWith(502, 'Bad Gateway'),
  'a 503': problem(503, 'store_unavailable'),
  'a 504': answerWith(504, 'Gateway Timeout'),
  'a captive portal page': answerWith(200, '<html>Log in to the WLAN</html>'),
  'a response with a flipped bit': flipPayload,
  'a response with a changed status': tamper((answer) => ({ ...answer, status: 201 })),
  'a response in suite 1': answerWith(200, { ciphertext: 'AA==', session_key: 'AA==' }),
  'an empty response': answerWith(200, {}),
};

describe('the same bytes are resent after', () => {
  for (const [name, fault] of Object.entries(UNANSWERED)) {
    test(name, async () => {
      const { server, network, clock, join } = await createHarness();
      const alice = await join('alice');
      network.faults.push(fault, fault);
      const before = network.sent.length;

      await alice.changeUsername({ newUsername: 'alicia', password: PASSWORD });
      const [first, second, third, ...more] = network.sent.slice(before).map(({ body }) => body);
      assert.ok(first);
      assert.deepEqual([second, third, ...more], [first, first]);
      assert.equal(server.executions.filter(({ path }) => path === '/change_username').length, 1);
      assert.ok(clock.pauses.length === 2 && clock.pauses.every((pause) => pause >= 125 && pause <= 500));
      assert.equal((await alice.getAccount()).username, 'alicia', 'the session continues');
    });
  }
});

describe('pauses between attempts', () => {
  test('double up to a maximum, with jitter', async () => {
    const { network, clock, join } = await createHarness();
    const alice = await join('alice');
    network.always = loseRequest;
    await assert.rejects(alice.getAccount({ deadline: 120_000 }), { code: 'network' });
    for (const [i, pause] of clock.pauses.entries()) {
      const whole = Math.min(250 * 2 ** i, 10_000);
      assert.ok(pause >= whole / 2 && pause <= whole, `pause ${i} of ${pause} ms`);
    }
    assert.ok(clock.pauses.length > 10);
  });

  test('respect Retry-After', async () => {
    const { network, clock, join } = await createHarness();
    const alice = await join('alice');
    network.faults.push(problem(503, 'overloaded', { 'retry-after': '7' }));
    await alice.getAccount();
    assert.deepEqual(clock.pauses, [7000]);
  });

  test('longer than the remaining time: the call fails at once', async () => {
    const { network, clock, join } = await createHarness();
    const alice = await join('alice');
    network.faults.push(problem(429, 'too_many_requests', { 'retry-after': '3600' }));
    await assert.rejects(alice.getAccount(), { code: 'too_many_requests', status: 429, retryAfter: 3600 });
    assert.deepEqual(clock.pauses, []);
  });
});

describe('deadline', () => {
  for (const [code, fault] of [
    ['network', loseRequest],
    ['store_unavailable', problem(503, 'store_unavailable')],
    ['bad_answer', flipPayload],
  ] as const) {
    test(`the error is the reason for the missing response: ${code}`, async () => {
      const { network, join } = await createHarness();
      const alice = await join('alice');
      network.always = fault;
      await assert.rejects(alice.getAccount({ deadline: 3_000 }), { name: 'VwsError', code });
    });
  }

  test('a server that does not respond receives several attempts', async () => {
    const { network, clock, join } = await createHarness();
    const alice = await join('alice');
    const before = network.sent.length;
    network.always = stall(() => clock.advance(16_000));
    await assert.rejects(alice.getAccount({ deadline: 30_000 }), { code: 'network' });
    assert.ok(network.sent.length - before >= 2);
    network.always = undefined;
    assert.equal((await alice.getAccount()).username, 'alice');
  });

  test('during the first attempt: the error is deadline', async () => {
    const { network, clock, join } = await createHarness();
    const alice = await join('alice');
    network.faults.push(stall(() => clock.advance(100)));
    await assert.rejects(alice.getAccount({ deadline: 100 }), { code: 'deadline' });
  });

  test('while waiting for an earlier call: nothing is sent', async () => {
    const { server, network, clock, join } = await createHarness();
    const alice = await join('alice');
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let reached = () => {};
    const arrived = new Promise<void>((resolve) => {
      reached = resolve;
    });
    network.faults.push(async (_, forward) => {
      reached();
      await answered;
      return forward();
    });
    const slow = alice.getAccount();
    await arrived;
    const impatient = assert.rejects(alice.endOtherSessions({ deadline: 10 }), { code: 'deadline' });
    clock.advance(10);
    await impatient;
    answer();
    assert.equal((await slow).username, 'alice');
    await alice.getAccount();
    assert.ok(!server.executions.some(({ path }) => path === '/end_other_sessions'));
  });
});

describe('aborted call', () => {
  test('is resolved by the next call and executed once', async () => {
    const { server, network, join } = await createHarness();
    const alice = await join('alice');
    const giveUp = new AbortController();
    network.faults.push(stall(() => giveUp.abort(new Error('The user left.'))));
    const change = { newUsername: 'alicia', password: PASSWORD };
    await assert.rejects(alice.changeUsername(change, { signal: giveUp.signal }), (error) => {
      assert.ok(error instanceof VwsError && error.code === 'aborted');
      assert.equal((error.cause as Error).message, 'The user left.');
      return true;
    });

    const before = network.sent.length;
    assert.equal((await alice.getAccount()).username, 'alicia');
    assert.equal(network.sent[before]?.body, network.sent[before - 1]?.body, 'the same bytes first');
    assert.equal(network.sent.length, before + 2);
    assert.equal(server.executions.filter(({ path }) => path === '/change_username').length, 1);
  });

  test('repeated with the same arguments returns the result of the first', async () => {
    const { server, network, connect } = await createHarness();
    const vws = await connect();
    const account = { username: 'alice', email: 'alice@example.org', password: PASSWORD };
    network.faults.push(loseResponse);
    await assert.rejects(vws.register(account, { deadline: 50 }), { code: 'network' });
    await vws.register(account);
    assert.deepEqual(
      server.executions.map(({ path }) => path),
      ['/register_user'],
    );
  });

  test('with a signal that is already aborted is not sent', async () => {
    const { network, join } = await createHarness();
    const alice = await join('alice');
    const before = network.sent.length;
    await assert.rejects(alice.getAccount({ signal: AbortSignal.abort() }), { code: 'aborted' });
    assert.equal(network.sent.length, before);
  });

  test('that fails later does not affect the next call', async () => {
    const { network, join } = await createHarness();
    const alice = await join('alice');
    network.faults.push(loseResponse);
    await assert.rejects(alice.encrypt('unknown', 'text', { deadline: 50 }), { code: 'network' });
    assert.equal((await alice.getAccount()).username, 'alice');
  });
});

describe('unauthenticated error', () => {
  test('fails the call and leaves the session unchanged', async () => {
    const { network, join } = await createHarness();
    const alice = await join('alice');
    for (const [status, code, sessionLost] of [
      [404, 'session_not_found', true],
      [410, 'session_expired', true],
      [409, 'out_of_sync', true],
      [400, 'malformed_request', false],
      [404, 'route_not_found', false],
    ] as const) {
      network.faults.push(problem(status, code));
      const message = new RegExp(`^Unauthenticated error of the server: ${code}, HTTP status ${status}\\.`);
      await assert.rejects(alice.getAccount(), { code, status, sessionLost, message });
    }
    assert.equal((await alice.getAccount()).username, 'alice');
  });

  test('out_of_sync: the message warns that the session may have been copied', async () => {
    const { network, join } = await createHarness();
    const alice = await join('alice');
    network.faults.push(problem(409, 'out_of_sync'));
    await assert.rejects(alice.getAccount(), /copy of this session/);
  });

  test('with a code of authenticated errors is reported as bad_answer, without its texts', async () => {
    const { network, join } = await createHarness();
    const alice = await join('alice');
    const lie = { status: 403, code: 'invalid_credentials', title: 'Call +49 …', detail: 'Your password is …' };
    network.faults.push(answerWith(403, lie));
    await assert.rejects(alice.getAccount(), (error) => {
      assert.ok(error instanceof VwsError);
      assert.equal(error.code, 'bad_answer');
      assert.equal(error.detail, undefined);
      assert.equal(error.message, 'Unexpected response, HTTP status 403.');
      assert.doesNotMatch(error.message, /Call|password/);
      return true;
    });
  });

  test('payload_too_large: the session continues', async () => {
    const { server, network, join } = await createHarness();
    const alice = await join('alice');
    network.faults.push(answerWith(413, 'Request Entity Too Large'));
    await assert.rejects(alice.encrypt('alice', 'x'.repeat(70_000)), { code: 'payload_too_large', status: 413 });
    assert.equal((await alice.getAccount()).username, 'alice');
    assert.ok(!server.executions.some(({ path }) => path === '/encrypt'));
  });
});
