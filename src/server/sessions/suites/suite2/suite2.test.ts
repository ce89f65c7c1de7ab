// Requests and responses of suite 2: authenticity, content, rekeys, problems.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  asHandler,
  effect,
  own,
  read,
  type TestHandler,
  takeEffect,
} from '../../../../../test/support/exchangeFixtures.ts';
import { newStoreLocation } from '../../../../../test/support/store.ts';
import {
  b64,
  openResponse2,
  padded,
  type Step,
  sessionKeyOf,
  unb64,
} from '../../../../../test/support/suite2Client.ts';
import { createSuite2Harness, type Sent2, sealedRequest2 } from '../../../../../test/support/suite2Fixtures.ts';
import { Problem, type ProblemCode, problems } from '../../../../protocol/problems.ts';
import { openAead } from '../../../crypto/aead.ts';
import { hmac } from '../../../crypto/derive.ts';
import { StepEncryption } from '../../stepEncryption.ts';

const malformed = { code: 'malformed_request' };

describe('suite 2 chain of requests', () => {
  test('advances step by step, with and without rekeys, in either process', async (t) => {
    const { exchange, other, handshake, ask, send, effects } = await createSuite2Harness(t, await newStoreLocation(t));
    let step: Step = await handshake();
    for (let n = 0; n < 20; n += 1) {
      assert.equal(step.n, n);
      const sent = ask(step, effect, { text: `Grüße ${n}`, kem: n % 3 === 1 });
      const answer = await send(sent, undefined, n % 2 ? exchange : other.exchange);
      assert.deepEqual([answer.status, answer.json], [200, { message: `Grüße ${n}` }]);
      step = answer.next;
    }
    assert.equal(await effects(), 20);
  });

  test('the handler gets the suite and the start time of the session at every step', async (t) => {
    const { time, handshake, ask, send } = await createSuite2Harness(t, await newStoreLocation(t));
    const began = time.clock();
    const seen: unknown[] = [];
    const look: TestHandler = {
      execute: async ({ session: { suite, startedAt, userId, pendingId } }) => {
        seen.push([suite, startedAt, userId, pendingId]);
        return { session: { pendingId: randomBytes(16) } };
      },
    };
    const step = await handshake();
    time.advance(1_000);
    const { next } = await send(ask(step), look);
    time.advance(1_000);
    await send(ask(next), { ...look, execute: async (request, tx) => look.execute(request, tx, undefined) });
    assert.deepEqual(seen[0], [2, began, null, null]);
    assert.deepEqual((seen[1] as unknown[]).slice(0, 3), [2, began, null]);
    assert.equal(((seen[1] as unknown[])[3] as Uint8Array).length, 16);
  });

  test('stores two rows, neither of which contains the keys to open them', async (t) => {
    const { keyEncryptionKey, epochKeys, handshake, call, steps } = await createSuite2Harness(
      t,
      await newStoreLocation(t),
    );
    const first = await handshake();
    const { next: second } = await call(first, effect, { kem: true });
    const { next: third } = await call(second);
    const rows = await steps();
    assert.equal(rows.length, 2);
    const columns = rows.flatMap((row) => Object.values(row).filter((value) => value instanceof Uint8Array));
    const everything = Buffer.concat(columns.map((column) => Buffer.from(column)));
    for (const { sessionId, root } of [first, second, third]) {
      for (const secret of [unb64(sessionId), Buffer.from(sessionId), root]) assert.ok(!everything.includes(secret));
    }
    // An attacker with the row and the key-encryption key still has to guess the session id.
    for (const row of rows) {
      const sealedSecret = epochKeys.unwrap({ bytes: row.sealed_secret, epochId: row.epoch_id }) ?? assert.fail();
      const context = Buffer.concat([Buffer.from('vws secret '), row.step_id]);
      const guesses = [row.session_id, row.step_id, row.parent_id ?? row.step_id, Buffer.alloc(32)].flatMap((id) =>
        [0, 1, 2].map((n) => sessionKeyOf({ sessionId: b64(id), n, root: first.root })),
      );
      const keys = ['', ...guesses].map((guess) => hmac(keyEncryptionKey, `vws step key ${guess}`));
      for (const key of [keyEncryptionKey, ...keys]) assert.equal(openAead(key, sealedSecret, context), undefined);
      const rightKey = hmac(keyEncryptionKey, `vws step key ${sessionKeyOf(row.used ? second : third)}`);
      assert.ok(openAead(rightKey, sealedSecret, context));
      const encryption = new StepEncryption(keyEncryptionKey, sessionKeyOf(row.used ? second : third));
      assert.deepEqual(Buffer.from(encryption.openSecret(sealedSecret)), (row.used ? second : third).root);
      const withoutMasterKey = new StepEncryption(randomBytes(32), sessionKeyOf(row.used ? second : third));
      assert.throws(() => withoutMasterKey.openSecret(sealedSecret), /does not open/);
    }
  });
});

describe('suite 2 request that cannot be decrypted', () => {
  test('any altered bit: rejected, and the session is unchanged', async (t) => {
    const { exchange, handshake, ask, send, steps, effects } = await createSuite2Harness(t, await newStoreLocation(t));
    const sent = ask(await handshake(), effect, { text: 'x' });
    const before = await steps();
    const { session_key, payload } = JSON.parse(sent.request.body) as Record<string, string>;
    const sealed = unb64(payload);
    const attempts: unknown[] = [
      undefined,
      7,
      '',
      '=',
      'ä',
      `${payload}=`,
      payload?.slice(0, 20),
      payload?.slice(0, -1),
      b64(randomBytes(200)),
    ];
    for (let position = 0; position < sealed.length; position += 1) {
      const altered = Buffer.from(sealed);
      altered.writeUInt8(altered.readUInt8(position) ^ (1 << (position % 8)), position);
      attempts.push(b64(altered));
    }
    for (const attempt of attempts) {
      const body = JSON.stringify({ session_key, payload: attempt });
      const run = () => exchange.run(asHandler({ execute: takeEffect }), sealedRequest2(sent, body));
      await assert.rejects(run, malformed, String(attempt));
    }
    assert.deepEqual(await steps(), before);
    assert.equal(await effects(), 0);
    assert.equal((await send(sent)).status, 200);
  });

  test('another endpoint, step or session: rejected', async (t) => {
    const { handshake, ask, send, call, effects } = await createSuite2Harness(t, await newStoreLocation(t));
    const [one, other] = [await handshake(), await handshake()];
    const sent = ask(one);
    await assert.rejects(send({ ...sent, endpoint: read }), malformed);
    const elsewhere = (step: Step): Sent2 => {
      const body = JSON.stringify({ ...JSON.parse(sent.request.body), session_key: sessionKeyOf(step) });
      return { ...sent, request: { ...sent.request, body } };
    };
    await assert.rejects(send(elsewhere(other)), malformed);
    const { next } = await send(sent);
    await assert.rejects(send(elsewhere(next)), malformed);
    const guess = { ...next, root: randomBytes(32) };
    await assert.rejects(call(guess), malformed);
    assert.equal((await call(next)).status, 200);
    assert.equal(await effects(), 2);
  });

  test('prepared handler: no request lock remains', async (t) => {
    const { handshake, ask, send } = await createSuite2Harness(t, await newStoreLocation(t));
    const step = await handshake();
    const preparing: TestHandler = { prepare: async () => assert.fail('prepared'), execute: takeEffect };
    await assert.rejects(send(ask({ ...step, root: randomBytes(32) }), preparing), malformed);
    assert.equal((await send(ask(step), { prepare: async () => {}, execute: takeEffect })).status, 200);
  });
});

describe('authentic but malformed content', () => {
  const key = randomBytes(1216);
  const text = { text: 'x' };
  const contents: Record<string, Buffer> = {
    'no content': Buffer.alloc(0),
    'only flags': Buffer.from([0]),
    'an unknown flag': Buffer.concat([Buffer.from([2]), padded(text)]),
    'an unknown flag next to a KEM key': Buffer.concat([Buffer.from([129]), key, padded(text)]),
    'a truncated KEM key': Buffer.concat([Buffer.from([1]), key.subarray(1)]),
    'not JSON': Buffer.concat([Buffer.from([0]), Buffer.from('text')]),
    'not UTF-8': Buffer.concat([Buffer.from([0]), Buffer.from([0x7b, 0xff, 0x7d])]),
    'a list': Buffer.concat([Buffer.from([0]), padded(['text'])]),
    'a missing field': Buffer.concat([Buffer.from([0]), padded({ other: 'x' })]),
    'a field that is not a string': Buffer.concat([Buffer.from([0]), padded({ text: 7 })]),
    'a field with a lone surrogate': Buffer.concat([Buffer.from([0]), padded({ text: 'a\ud800' })]),
    'an inherited field': Buffer.concat([Buffer.from([0]), Buffer.from('{"__proto__":{"text":"x"}}')]),
    'a missing field next to an invalid KEM key': Buffer.concat([Buffer.from([1]), key, padded({})]),
  };
  for (const [what, content] of Object.entries(contents)) {
    for (const prepares of [false, true]) {
      test(`encrypted 400, and the chain continues: ${what}${prepares ? ' (prepared handler)' : ''}`, async (t) => {
        const { handshake, ask, send, call, effects } = await createSuite2Harness(t, await newStoreLocation(t));
        const fail = async () => assert.fail('executed');
        const handler: TestHandler = prepares ? { prepare: fail, execute: fail } : { execute: fail };
        const sent = ask(await handshake(), effect, { content });
        const answer = await send(sent, handler);
        assert.equal(answer.status, 400);
        const { detail, ...details } = answer.json;
        const { title, status } = problems.malformed_request;
        assert.deepEqual(details, { type: '/problems#malformed_request', title, status, code: 'malformed_request' });
        assert.match(String(detail), /^The (content|field text) .*\.$/);
        assert.equal((await send(sent, handler)).text, answer.text);
        assert.equal((await call(answer.next)).status, 200);
        assert.equal(await effects(), 1);
      });
    }
  }

  test('extra fields and missing padding are accepted', async (t) => {
    const { handshake, ask, send } = await createSuite2Harness(t, await newStoreLocation(t));
    const content = Buffer.from('\0{"more":[1],"text":"x"}');
    assert.deepEqual((await send(ask(await handshake(), effect, { content }))).json, { message: 'x' });
  });
});

describe('rekey', () => {
  const bad = {
    'not a key': Buffer.alloc(1216, 0xff),
    'a key of small order': Buffer.concat([Buffer.alloc(1184), Buffer.alloc(32)]),
  };
  for (const [what, publicKey] of Object.entries(bad)) {
    test(`with ${what}: ignored, and the chain continues without it`, async (t) => {
      const { handshake, ask, send, call } = await createSuite2Harness(t, await newStoreLocation(t));
      const kem = { publicKey, decapsulate: () => assert.fail('the response has a KEM ciphertext') };
      const sent = ask(await handshake(), effect, { kem });
      const answer = await send(sent);
      assert.equal(answer.status, 200);
      assert.equal((await call(answer.next)).status, 200);
    });
  }

  test('changes the chain: an attacker with the step and the traffic cannot continue', async (t) => {
    const { handshake, ask, send, call } = await createSuite2Harness(t, await newStoreLocation(t));
    const step = await handshake();
    const sent = ask(step, effect, { kem: true });
    const answer = await send(sent);
    const withoutSecret = { ...sent.request, kem: { publicKey: randomBytes(0), decapsulate: () => Buffer.alloc(32) } };
    const { next: guess } = openResponse2(withoutSecret, answer);
    await assert.rejects(call(guess), malformed);
    assert.equal((await call(answer.next)).status, 200);
  });
});

describe('suite 2 problem', () => {
  for (const code of Object.keys(problems) as ProblemCode[]) {
    const { status, title, suite1 } = problems[code];
    const refuse: TestHandler = {
      execute: async (request, tx) => {
        await takeEffect(request, tx);
        throw new Problem(code, { detail: 'More closely.', retryAfterSeconds: 7 });
      },
    };
    // A handler reports a malformed value like the suite reports a missing one.
    if (suite1.kind === 'response' || code === 'malformed_request') {
      test(`${code} is encrypted, bound to its status, and the session continues`, async (t) => {
        const { handshake, ask, send, call, effects } = await createSuite2Harness(t, await newStoreLocation(t));
        const sent = ask(await handshake(), effect, { kem: true });
        const answer = await send(sent, refuse);
        assert.equal(answer.status, status);
        const details = { type: `/problems#${code}`, title, status, code, detail: 'More closely.' };
        assert.deepEqual(answer.json, details);
        assert.ok(!answer.text.includes(code));
        for (const wrong of [200, status + 1])
          assert.throws(() => openResponse2(sent.request, { ...answer, status: wrong }));
        assert.equal(await effects(), 1);
        assert.equal((await call(answer.next)).status, 200);
      });
    } else {
      test(`${code} is reported unencrypted, and the session is unchanged`, async (t) => {
        const { handshake, ask, send, steps, effects } = await createSuite2Harness(t, await newStoreLocation(t));
        const sent = ask(await handshake());
        const before = await steps();
        await assert.rejects(send(sent, refuse), { code, retryAfterSeconds: 7 });
        assert.deepEqual(await steps(), before);
        assert.equal((await send(sent)).status, 200);
        assert.equal(await effects(), 1);
      });
    }
  }

  test('missing login: encrypted, and nothing is executed', async (t) => {
    const { handshake, ask, send, effects } = await createSuite2Harness(t, await newStoreLocation(t));
    const answer = await send(ask(await handshake(), own));
    assert.deepEqual([answer.status, answer.json.code], [401, 'not_authenticated']);
    assert.equal(await effects(), 0);
  });
});

test('handler with an unexpected error: no effect, and a retry is executed', async (t) => {
  const { handshake, ask, send, steps, effects } = await createSuite2Harness(t, await newStoreLocation(t));
  const sent = ask(await handshake(), effect, { kem: true });
  const before = await steps();
  const broken: TestHandler = {
    execute: async (request, tx) => {
      await takeEffect(request, tx);
      throw new Error('a bug');
    },
  };
  await assert.rejects(send(sent, broken), /a bug/);
  await assert.rejects(send(sent, { ...broken, prepare: async () => {} }), /a bug/);
  assert.deepEqual(await steps(), before);
  assert.equal((await send(sent)).status, 200);
  assert.equal(await effects(), 1);
});
