// The handshake of suite 2.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { newStoreLocation } from '../../../../../test/support/store.ts';
import {
  b64,
  beginHandshake,
  checkIntroduction,
  type Introduction,
  padded,
  sha256,
  unb64,
} from '../../../../../test/support/suite2Client.ts';
import {
  createSuite2Harness,
  IDLE_TIME,
  openSession,
  type Suite2Harness,
} from '../../../../../test/support/suite2Fixtures.ts';
import { hpkeSide, xwingEncapsulateFor, xwingPair } from '../../../../../test/support/xwingHpke.ts';
import { Problem } from '../../../../protocol/problems.ts';

const refused = { code: 'handshake_refused' };

async function open({ exchange }: Suite2Harness, body: object): Promise<Record<string, unknown>> {
  const { status, body: json } = await openSession(exchange, body);
  assert.equal(status, 200);
  return JSON.parse(json) as Record<string, unknown>;
}

/** Creates a first message with the given content and public key. */
function firstMessage(kid: Buffer, serverKey: Buffer, { publicKey = xwingPair().publicKey, content = padded({}) }) {
  const { secret, ciphertext } = xwingEncapsulateFor(serverKey);
  const context = hpkeSide(secret, Buffer.concat([Buffer.from('vws2 m1 '), kid]));
  const message = Buffer.concat([ciphertext, context.seal(publicKey, content)]);
  return { suite: 2, kid: b64(kid), public_key: b64(publicKey), ciphertext: b64(message) };
}

function isIntroduction({ suite, ...introduction }: Record<string, unknown>): boolean {
  assert.equal(suite, 2);
  return Object.keys(introduction).sort().join() === 'descriptor,identity,signature';
}

describe('suite 2 handshake without a known kid', () => {
  test('returns the identity and a signed KEM key, and opens no session', async (t) => {
    const harness = await createSuite2Harness(t, await newStoreLocation(t));
    const answer = await open(harness, { suite: 2, more: 'fields' });
    assert.ok(isIntroduction(answer));
    const introduction = answer as unknown as Introduction;
    assert.equal(introduction.identity, b64(harness.identity.publicKey));
    checkIntroduction(introduction, harness.time.clock(), b64(harness.identity.publicKey));
    assert.deepEqual(await open(harness, { suite: 2 }), answer);
    assert.equal((await harness.steps()).length, 0);
  });

  test('a client that takes the KEM key for the one of another identity gets no session', async (t) => {
    const harness = await createSuite2Harness(t, await newStoreLocation(t));
    const { serverKey } = await harness.introduce();
    const descriptor = unb64((await open(harness, { suite: 2 })).descriptor);
    for (const kid of [sha256(randomBytes(32), descriptor), sha256(descriptor)]) {
      assert.ok(isIntroduction(await open(harness, beginHandshake(kid, serverKey).body)));
    }
    const kid = sha256(harness.identity.publicKey, descriptor);
    assert.ok('ciphertext' in (await open(harness, beginHandshake(kid, serverKey).body)));
    assert.equal((await harness.steps()).length, 1);
  });

  test('returns the same for an unknown kid, whatever else was sent', async (t) => {
    const harness = await createSuite2Harness(t, await newStoreLocation(t));
    const { serverKey } = await harness.introduce();
    const unknown = beginHandshake(sha256(Buffer.from('another descriptor')), serverKey).body;
    assert.ok(isIntroduction(await open(harness, unknown)));
    assert.ok(isIntroduction(await open(harness, { ...unknown, public_key: 7, ciphertext: undefined })));
    assert.equal((await harness.steps()).length, 0);
  });

  test('is rate limited first, and refused without an effect', async (t) => {
    const { exchange, introduce, steps } = await createSuite2Harness(t, await newStoreLocation(t));
    const { kid, serverKey } = await introduce();
    const refuse = async () => {
      throw new Problem('too_many_requests');
    };
    for (const body of [{ suite: 2 }, beginHandshake(kid, serverKey).body, { suite: 2, kid: 'x' }]) {
      await assert.rejects(exchange.openSession(body, refuse), { code: 'too_many_requests' });
    }
    assert.equal((await steps()).length, 0);
  });
});

describe('suite 2 handshake', () => {
  test('returns the idle timeout, the time and the capabilities, and opens a session', async (t) => {
    const harness = await createSuite2Harness(t, await newStoreLocation(t));
    const { kid, serverKey } = await harness.introduce();
    const pending = beginHandshake(kid, serverKey);
    const { greeting, ...step } = pending.finish(await open(harness, pending.body));
    assert.deepEqual(greeting, { idle: IDLE_TIME, now: harness.time.clock(), features: [] });
    assert.equal((await harness.call(step)).status, 200);
  });

  test('with the KEM key of either process opens a session in both', async (t) => {
    const { exchange, other, handshake, ask, send } = await createSuite2Harness(t, await newStoreLocation(t));
    const step = await handshake(other.exchange);
    const { next } = await send(ask(step), undefined, exchange);
    assert.equal((await send(ask(next), undefined, other.exchange)).status, 200);
    await handshake(exchange);
  });

  test('sent again opens an independent session', async (t) => {
    const harness = await createSuite2Harness(t, await newStoreLocation(t));
    const { kid, serverKey } = await harness.introduce();
    const pending = beginHandshake(kid, serverKey);
    const [one, other] = [await open(harness, pending.body), await open(harness, pending.body)].map(pending.finish);
    assert.ok(one && other);
    assert.notEqual(one.sessionId, other.sessionId);
    assert.notDeepEqual(one.root, other.root);
    for (const step of [one, other]) assert.equal((await harness.call(step)).status, 200);
    await assert.rejects(harness.call({ ...one, n: 1, root: other.root }), { code: 'malformed_request' });
  });

  test('is refused if any bit is altered, and opens no session', async (t) => {
    const harness = await createSuite2Harness(t, await newStoreLocation(t));
    const { kid, serverKey } = await harness.introduce();
    const { body } = beginHandshake(kid, serverKey);
    for (const field of ['public_key', 'ciphertext'] as const) {
      const bytes = unb64(body[field]);
      const last = bytes.length - 1;
      // Positions in ML-KEM, X25519, the sealed JSON and its tag, and a stretch in between.
      for (const position of [0, 1, 500, 1087, 1088, 1119, 1120, 1130, last - 16, last - 15, last]) {
        if (position > last) continue;
        const altered = Buffer.from(bytes);
        altered.writeUInt8(altered.readUInt8(position) ^ 4, position);
        await assert.rejects(open(harness, { ...body, [field]: b64(altered) }), refused, `${field}, byte ${position}`);
      }
      for (const value of [
        undefined,
        null,
        7,
        '',
        {},
        `${body[field]}=`,
        'ä',
        body[field].slice(4),
        b64(bytes.subarray(0, -1)),
        b64(randomBytes(2000)),
      ]) {
        await assert.rejects(open(harness, { ...body, [field]: value }), refused, `${field}: ${value}`);
      }
    }
    for (const kid of [null, 7, '', 'ä', b64(randomBytes(31)), b64(randomBytes(33)), `${body.kid}=`]) {
      await assert.rejects(open(harness, { ...body, kid }), refused, `kid: ${kid}`);
    }
    const alteredKid = unb64(body.kid);
    alteredKid.writeUInt8(alteredKid.readUInt8(0) ^ 1, 0);
    assert.ok(isIntroduction(await open(harness, { ...body, kid: b64(alteredKid) })));
    assert.equal((await harness.steps()).length, 0);
    assert.ok('ciphertext' in (await open(harness, body)));
  });

  test('is refused with the message of another handshake or for another key', async (t) => {
    const harness = await createSuite2Harness(t, await newStoreLocation(t));
    const { kid, serverKey } = await harness.introduce();
    const [one, other] = [beginHandshake(kid, serverKey).body, beginHandshake(kid, serverKey).body];
    await assert.rejects(open(harness, { ...one, public_key: other.public_key }), refused);
    await assert.rejects(open(harness, { ...one, ciphertext: other.ciphertext }), refused);
    const forAnotherKid = beginHandshake(randomBytes(32), serverKey).body;
    await assert.rejects(open(harness, { ...forAnotherKid, kid: one.kid }), refused);
    const forAnotherKey = beginHandshake(kid, xwingPair().publicKey).body;
    await assert.rejects(open(harness, forAnotherKey), refused);
    assert.equal((await harness.steps()).length, 0);
  });

  test('is refused if the content is not a JSON object or the public key is invalid', async (t) => {
    const harness = await createSuite2Harness(t, await newStoreLocation(t));
    const { kid, serverKey } = await harness.introduce();
    for (const content of ['', 'text', '[]', 'null', '{']) {
      const body = firstMessage(kid, serverKey, { content: Buffer.from(content) });
      await assert.rejects(open(harness, body), refused, content);
    }
    const real = xwingPair().publicKey;
    const keys = {
      'too short': real.subarray(1),
      'too long': Buffer.concat([real, Buffer.alloc(1)]),
      'no ML-KEM key': Buffer.alloc(1216, 0xff),
      'of small order': Buffer.concat([real.subarray(0, 1184), Buffer.alloc(32)]),
    };
    for (const [what, publicKey] of Object.entries(keys)) {
      await assert.rejects(open(harness, firstMessage(kid, serverKey, { publicKey })), refused, what);
    }
    assert.equal((await harness.steps()).length, 0);
    assert.ok('ciphertext' in (await open(harness, firstMessage(kid, serverKey, {}))));
  });
});
