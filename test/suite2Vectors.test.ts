// The vectors of docs/vectors/suite2.json, run by the server's implementation (node:crypto) and the SDK's (WebCrypto).
import assert from 'node:assert/strict';
import { createHash, createPrivateKey, createPublicKey, hash, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createHpkeContext } from '../src/client/suite2/hpke.ts';
import * as clientPrimitives from '../src/client/suite2/primitives.ts';
import { Suite2State } from '../src/client/suite2/sessionState.ts';
import { decapsulate as clientDecapsulate } from '../src/client/suite2/xwing.ts';
import { endpoints, pathWithoutName } from '../src/protocol/endpoints.ts';
import { Problem } from '../src/protocol/problems.ts';
import {
  decodeContent,
  descriptorToSign,
  encodeDescriptor,
  firstMessageInfo,
  formatSessionKey,
  KEM_CIPHERTEXT_LENGTH,
  labels,
  requestContext,
  responseContext,
  secondMessageInfo,
} from '../src/protocol/suite2.ts';
import { openAead } from '../src/server/crypto/aead.ts';
import { expand, extract } from '../src/server/crypto/derive.ts';
import { setupReceiver } from '../src/server/crypto/hpke.ts';
import { xwingDecapsulate, xwingKeyPair } from '../src/server/crypto/xwing.ts';
import { Suite2 } from '../src/server/sessions/suites/suite2/suite2.ts';

const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'docs', 'vectors', 'suite2.json'), 'utf8'));
const { identity, kem_key: kemKey, handshake, steps } = vectors;

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));
const text = (value: Uint8Array | undefined) => Buffer.from(value ?? []).toString('base64url');
const sha256 = (...parts: Uint8Array[]) => hash('sha256', Buffer.concat(parts), 'buffer');

/** A key pair as the SDK stores it: the expanded seed and the X25519 public key. */
function clientSecret(seed: string): Uint8Array {
  const expanded = createHash('shake256', { outputLength: 96 }).update(bytes(seed)).digest();
  return Buffer.concat([expanded, xwingKeyPair(bytes(seed)).publicKey.subarray(-32)]);
}

const serverKey = xwingKeyPair(bytes(kemKey.seed));
const suite = new Suite2({
  kemKeys: {
    current: async () => ({
      identity: bytes(identity.public_key),
      descriptor: bytes(kemKey.descriptor),
      signature: bytes(kemKey.signature),
    }),
    find: async (_, kid) => (text(kid) === kemKey.kid ? serverKey : undefined),
  },
  idleTimeoutMs: 1,
  features: [],
  clock: () => 0,
});
const endpointOf = (path: string) => Object.values(endpoints).find((endpoint) => pathWithoutName(endpoint) === path);

describe('the descriptor of the vectors', () => {
  test('consists of the KEM key, and its hash with the identity is the kid', () => {
    const { not_before: notBefore, not_after: notAfter } = kemKey;
    assert.equal(text(serverKey.publicKey), kemKey.public_key);
    const descriptor = encodeDescriptor({ notBefore, notAfter, publicKey: serverKey.publicKey });
    assert.equal(text(descriptor), kemKey.descriptor);
    assert.equal(text(sha256(bytes(identity.public_key), descriptor)), kemKey.kid);
  });

  test('is signed by the identity', () => {
    const key = createPrivateKey({
      key: Buffer.from(bytes(identity.seed)),
      format: 'raw-private',
      asymmetricKeyType: 'ed25519',
    });
    const publicKey = createPublicKey(key);
    assert.equal(text(publicKey.export({ format: 'raw-public' })), identity.public_key);
    assert.ok(verify(null, descriptorToSign(bytes(kemKey.descriptor)), publicKey, bytes(kemKey.signature)));
  });
});

describe('the handshake of the vectors', () => {
  const { request, answer } = handshake;
  const firstMessage = bytes(request.ciphertext);
  const secondMessage = bytes(answer.ciphertext);
  const firstInfo = firstMessageInfo(bytes(kemKey.kid));
  const secondInfo = secondMessageInfo(sha256(firstInfo, bytes(request.public_key), firstMessage));
  const clientKey = xwingKeyPair(bytes(handshake.client_seed));
  const pskId = Buffer.from(labels.pskId);

  test('has the info values that follow from its parts', () => {
    assert.equal(text(firstInfo), handshake.first_message.info);
    assert.equal(text(secondInfo), handshake.second_message.info);
    assert.equal(text(clientKey.publicKey), request.public_key);
  });

  test('opens with the server implementation', () => {
    const first = setupReceiver(serverKey, firstMessage.subarray(0, KEM_CIPHERTEXT_LENGTH), firstInfo);
    const plaintext = first?.open(bytes(request.public_key), firstMessage.subarray(KEM_CIPHERTEXT_LENGTH));
    assert.equal(text(plaintext), handshake.first_message.plaintext);
    assert.equal(text(first?.export(labels.psk, 32)), handshake.psk);
    const psk = { secret: bytes(handshake.psk), id: pskId };
    const second = setupReceiver(clientKey, secondMessage.subarray(0, KEM_CIPHERTEXT_LENGTH), secondInfo, psk);
    const greeting = second?.open(new Uint8Array(), secondMessage.subarray(KEM_CIPHERTEXT_LENGTH));
    assert.equal(text(greeting), handshake.second_message.plaintext);
    assert.equal(text(second?.export(labels.sessionId, 32)), handshake.session_id);
    assert.equal(text(second?.export(labels.root, 32)), handshake.root);
  });

  test('opens with the SDK implementation', async () => {
    const firstSecret = await clientDecapsulate(
      clientSecret(kemKey.seed),
      firstMessage.subarray(0, KEM_CIPHERTEXT_LENGTH),
    );
    const first = await createHpkeContext(firstSecret, firstInfo);
    const plaintext = await first.open(bytes(request.public_key), firstMessage.subarray(KEM_CIPHERTEXT_LENGTH));
    assert.equal(text(plaintext), handshake.first_message.plaintext);
    const psk = { secret: await first.export(labels.psk), id: pskId };
    assert.equal(text(psk.secret), handshake.psk);
    const secret = await clientDecapsulate(
      clientSecret(handshake.client_seed),
      secondMessage.subarray(0, KEM_CIPHERTEXT_LENGTH),
    );
    const second = await createHpkeContext(secret, secondInfo, psk);
    const greeting = await second.open(new Uint8Array(), secondMessage.subarray(KEM_CIPHERTEXT_LENGTH));
    assert.equal(text(greeting), handshake.second_message.plaintext);
    assert.equal(text(await second.export(labels.sessionId)), handshake.session_id);
    assert.equal(text(await second.export(labels.root)), handshake.root);
  });

  test('is accepted by the server', async () => {
    const { response: taken, session } = await suite.openHandshake({} as never, request);
    assert.equal(taken.status, 200);
    assert.equal(session?.keys.secret.length, 32);
  });
});

for (const [n, step] of steps.entries()) {
  const { request, answer } = step;
  const root = bytes(step.root);
  const sessionKey = formatSessionKey(handshake.session_id, n);
  const context = requestContext('POST', step.path, sessionKey);
  const requestHash = sha256(context, bytes(request.body.payload));

  describe(`step ${n} of the vectors`, () => {
    test('request and response: server implementation', () => {
      const endpoint = endpointOf(step.path);
      assert.ok(endpoint);
      const sealed = { endpoint, sessionKey, body: request.body, bytes: [], address: '', recipientNames: [] };
      const { fields, seal } = suite.decrypt(root, sealed);
      assert.deepEqual(fields, step.fields);
      const outcome = step.answer.status === 200 ? step.answer.json : new Problem(step.answer.json.code);
      const { keys, response: again } = seal(
        outcome,
        step.shared_secret && decodeContent(bytes(answer.content), KEM_CIPHERTEXT_LENGTH)?.keyEstablishment,
      );
      assert.equal(again.status, answer.status);
      assert.equal(keys.sessionKey, formatSessionKey(handshake.session_id, n + 1));
      const payload = bytes(JSON.parse(again.body).payload);
      const content = openAead(expand(root, labels.responseKey, requestHash), payload, responseContext(answer.status));
      assert.equal(text(content), answer.content);
    });

    test('next root: server implementation', () => {
      assert.equal(text(requestHash), request.hash);
      assert.equal(
        text(openAead(expand(root, labels.requestKey), bytes(request.body.payload), context)),
        request.content,
      );
      const established = decodeContent(bytes(answer.content), KEM_CIPHERTEXT_LENGTH)?.keyEstablishment;
      const next = expand(root, labels.nextRoot, requestHash);
      if (!established) return assert.equal(text(next), step.next_root);
      const shared = xwingDecapsulate(xwingKeyPair(bytes(step.kem_seed)), established);
      assert.equal(text(shared), step.shared_secret);
      assert.equal(text(extract(next, shared ?? root)), step.next_root);
    });

    test('next root: SDK implementation', async () => {
      const state = {
        ...{ fingerprint: identity.public_key, descriptor: kemKey.descriptor, sessionId: handshake.session_id },
        ...{ n, root: step.root, startedAt: 0, rekeyStep: -1, rekeyedAt: 0 },
      };
      const pending = {
        path: step.path,
        body: JSON.stringify(request.body),
        ...(step.kem_seed && { secret: `0 ${text(clientSecret(step.kem_seed))}` }),
      };
      const opened = await new Suite2State(state).open(pending, { status: answer.status, json: answer.body } as never);
      assert.equal((opened.next.saved as { root: string }).root, step.next_root);
      if (answer.status === 200) assert.deepEqual(opened.outcome, answer.json);
      else assert.equal((opened.outcome as { code?: string }).code, answer.json.code);
      const key = await clientPrimitives.expand(root, labels.requestKey);
      assert.equal(text(await clientPrimitives.open(key, context, bytes(request.body.payload))), request.content);
    });
  });
}
