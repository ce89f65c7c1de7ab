// Attacks on handshakes.
import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { connect } from '../../src/client/index.ts';
import { HANDSHAKE_PATH } from '../../src/protocol/endpoints.ts';
import {
  encodePaddedJson,
  firstMessageInfo,
  KEM_PUBLIC_KEY_LENGTH,
  labels,
  secondMessageInfo,
} from '../../src/protocol/suite2.ts';
import { setupSender } from '../../src/server/crypto/hpke.ts';
import { createMemoryServer } from '../support/client/memoryServer.ts';
import {
  answerHandshake,
  createIdentity,
  createServerKey,
  type Identity,
  type Json,
  type ServerKey,
} from '../support/client/memorySuite2.ts';
import { post, publicKeyPem } from '../support/suite1Client.ts';
import {
  type Attack,
  answered,
  asked,
  customAttack,
  field,
  flipped,
  forged,
  onHandshakes,
  withFields,
} from './attack.ts';
import { expectError, type Harness } from './harness.ts';
import type { Tamper, WireReply, WireRequest } from './line.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const WEEK = '604800';

/** Offsets in a descriptor. */
const [VERSION, NOT_BEFORE, NOT_AFTER, ML_KEM, X25519] = [0, 8, 16, 17, -1];

const isIntroduction = (reply: WireReply) => field(reply, 'descriptor') !== undefined;
/** Changes the introduction of the server's key. */
const introduced = (change: (reply: WireReply) => WireReply) => () =>
  answered((reply) => (isIntroduction(reply) ? change(reply) : reply));
/** Changes the client's first message, or the server's response to it. */
const changingFirstMessage = (change: (request: WireRequest) => WireRequest) => () =>
  asked((request) => (isKeyRequest(request) ? request : change(request)));
const shaken = (change: (reply: WireReply) => WireReply) => () =>
  answered((reply) => (isIntroduction(reply) ? reply : change(reply)));
const instead = (reply: WireReply) => () => async () => reply;

export const attacksOnHandshakes: readonly Attack[] = [
  customAttack('impersonates the server with another identity', ['identity_changed'], async (harness) => {
    const impostor = await createMemoryServer(Date.now);
    await harness.tampering(played(impostor.handle), () =>
      expectError(connect(harness.line.url, harness.options()), 'identity_changed'),
    );
    await harness.expectUnharmed(await harness.enter());
  }),

  customAttack(
    'impersonates the server when a client opens its next session',
    ['identity_changed'],
    async (harness) => {
      const impostor = await createMemoryServer(Date.now);
      const options = harness.options();
      const vws = await connect(harness.line.url, options);
      // A session that was idle this long is replaced by a new one.
      options.clock.advance(DAY_MS);
      const login = () => vws.login(harness.bob.person);
      await harness.tampering(played(impostor.handle), () => expectError(login(), 'identity_changed'));
      assert.deepEqual(impostor.executions, []);
      await login();
      await harness.expectUnharmed(await harness.enter());
    },
  ),

  customAttack(
    'impersonates the server to a client without a pin',
    ['identity_refused'],
    async (harness) => {
      const impostor = await createMemoryServer(Date.now);
      const told: string[] = [];
      const onFirstUse = (fingerprint: string) => {
        told.push(fingerprint);
        return fingerprint === harness.identity.fingerprint;
      };
      const begin = () => connect(harness.line.url, { ...harness.options(), pin: undefined, onFirstUse });
      await harness.tampering(played(impostor.handle), () => expectError(begin(), 'identity_refused'));
      assert.deepEqual(told, [impostor.fingerprint]);
      await begin();
      await harness.expectUnharmed(await harness.enter());
    },
    'a denial of service if the user compares the fingerprint, otherwise everything',
  ),

  onHandshakes('replaces the server’s key with their own', {
    "signed with the attacker's identity": [
      () => posing(async () => (await ownKey()).introduction),
      'identity_changed',
    ],
    "signed with the attacker's identity, in the server's name": [
      ({ harness }) =>
        posing(async () => ({ ...(await ownKey()).introduction, identity: harness.identity.fingerprint })),
      'descriptor_invalid',
    ],
    'with the signature of the server’s': [
      ({ harness }) =>
        posing(async () => ({
          ...(await introductionOf(harness)),
          descriptor: (await ownKey()).introduction.descriptor,
        })),
      'descriptor_invalid',
    ],
  }),

  onHandshakes('flips a bit of the server’s key', {
    'of the identity': [introduced((reply) => flipped(reply, 'identity', 0)), 'identity_changed'],
    'of the version': [introduced((reply) => flipped(reply, 'descriptor', VERSION)), 'descriptor_invalid'],
    'of its beginning': [introduced((reply) => flipped(reply, 'descriptor', NOT_BEFORE)), 'descriptor_invalid'],
    'of its end': [introduced((reply) => flipped(reply, 'descriptor', NOT_AFTER)), 'descriptor_invalid'],
    'of its ML-KEM part': [introduced((reply) => flipped(reply, 'descriptor', ML_KEM)), 'descriptor_invalid'],
    'of its X25519 part': [introduced((reply) => flipped(reply, 'descriptor', X25519)), 'descriptor_invalid'],
    'of the signature': [introduced((reply) => flipped(reply, 'signature', 0)), 'descriptor_invalid'],
    'of the signature’s end': [introduced((reply) => flipped(reply, 'signature', -1)), 'descriptor_invalid'],
    'leaving out the signature': [
      introduced((reply) => withFields(reply, { signature: undefined })),
      'descriptor_invalid',
    ],
    'emptying the signature': [introduced((reply) => withFields(reply, { signature: '' })), 'descriptor_invalid'],
  }),

  onHandshakes('presents a stolen key that the server signed and that has expired', {
    'expired two days ago': [
      ({ harness }) => withStolenKey(harness.identity, -39 * DAY_MS, -2 * DAY_MS),
      'descriptor_invalid',
    ],
    'not valid for another two days': [
      ({ harness }) => withStolenKey(harness.identity, 2 * DAY_MS, 39 * DAY_MS),
      'descriptor_invalid',
    ],
  }),

  onHandshakes('presents an older key that the server has erased', {
    '': [({ harness }) => withErasedKey(harness.identity)],
  }),

  onHandshakes('claims repeatedly that the server has another key', {
    '': [
      ({ harness }) =>
        async () =>
          forged(200, { suite: 2, ...(await introductionOf(harness)) }),
      'bad_answer',
    ],
  }),

  onHandshakes('changes a client’s first message', {
    'its key’s name': [changingFirstMessage((request) => flipped(request, 'kid', 0)), 'bad_answer'],
    'a bit of its public key': [
      changingFirstMessage((request) => flipped(request, 'public_key', 0)),
      'handshake_refused',
    ],
    'the last bit of its public key': [
      changingFirstMessage((request) => flipped(request, 'public_key', -1)),
      'handshake_refused',
    ],
    'its ML-KEM ciphertext': [
      changingFirstMessage((request) => flipped(request, 'ciphertext', 0)),
      'handshake_refused',
    ],
    'its X25519 part': [changingFirstMessage((request) => flipped(request, 'ciphertext', 1119)), 'handshake_refused'],
    'its text': [changingFirstMessage((request) => flipped(request, 'ciphertext', 1120)), 'handshake_refused'],
    'its tag': [changingFirstMessage((request) => flipped(request, 'ciphertext', -1)), 'handshake_refused'],
    "replacing its public key by the attacker's": [
      changingFirstMessage((request) =>
        withFields(request, { public_key: randomBytes(KEM_PUBLIC_KEY_LENGTH).toString('base64url') }),
      ),
      'handshake_refused',
    ],
  }),

  onHandshakes('replaces a client’s first message with another client’s', {
    'an earlier one of hers': [
      ({ own }) => asked((request) => (isKeyRequest(request) ? request : own.request)),
      'bad_answer',
    ],
    'another user’s': [
      ({ bobs }) => asked((request) => (isKeyRequest(request) ? request : bobs.request)),
      'bad_answer',
    ],
    'another user’s public key': [
      ({ bobs }) =>
        changingFirstMessage((request) => withFields(request, { public_key: field(bobs.request, 'public_key') }))(),
      'handshake_refused',
    ],
  }),

  onHandshakes('changes the server’s response to a first message', {
    'its ML-KEM ciphertext': [shaken((reply) => flipped(reply, 'ciphertext', 0)), 'bad_answer'],
    'its X25519 part': [shaken((reply) => flipped(reply, 'ciphertext', 1119)), 'bad_answer'],
    'its text': [shaken((reply) => flipped(reply, 'ciphertext', 1120)), 'bad_answer'],
    'its tag': [shaken((reply) => flipped(reply, 'ciphertext', -1)), 'bad_answer'],
    'cutting it': [
      shaken((reply) => withFields(reply, { ciphertext: field(reply, 'ciphertext').slice(0, 60) })),
      'bad_answer',
    ],
    'emptying it': [shaken((reply) => withFields(reply, { ciphertext: '' })), 'bad_answer'],
    'an earlier answer': [({ own }) => shaken(() => own.reply)(), 'bad_answer'],
    'the answer to another user': [({ bobs }) => shaken(() => bobs.reply)(), 'bad_answer'],
    "the attacker's own, without the shared secret of the first message": [() => ownResponse(), 'bad_answer'],
    "the attacker's own, with a guess at that secret": [() => ownResponse(Buffer.alloc(32)), 'bad_answer'],
    none: [() => async (request, line) => (isKeyRequest(request) ? line.send(request) : 'broken'), 'network'],
  }),

  onHandshakes('claims that the server supports suite 1 only', {
    'taking the suite away': [() => asked((request) => withFields(request, { suite: undefined })), 'downgrade_refused'],
    'naming suite 1': [() => asked((request) => withFields(request, { suite: 1 })), 'downgrade_refused'],
    'answering “Error!”': [instead({ status: 404, body: '"Error!"' }), 'downgrade_refused'],
    'answering 400': [instead({ status: 400, body: '{"error":"Call 555-0100"}' }), 'bad_answer'],
    'answering 403': [instead({ status: 403, body: '{"error":"Call 555-0100"}' }), 'bad_answer'],
    'answering 404': [instead({ status: 404, body: '<html>Call 555-0100</html>' }), 'bad_answer'],
    'with keys of suite 1': [
      ({ harness }) =>
        async () =>
          suite1Keys(harness),
      'downgrade_refused',
    ],
    'with keys of suite 1 in suite 2': [
      ({ harness }) =>
        async () =>
          withFields(await suite1Keys(harness), { suite: 2 }),
      'descriptor_invalid',
    ],
  }),

  onHandshakes('forges a problem during the handshake', {
    refused: [instead(forged(400, { code: 'handshake_refused', status: 400 })), 'handshake_refused'],
    'not found': [instead(forged(404, { code: 'route_not_found', status: 404 })), 'route_not_found'],
    'too large': [instead(forged(413, { code: 'payload_too_large', status: 413 })), 'payload_too_large'],
    'come back in a week': [
      instead(forged(429, { code: 'too_many_requests' }, { 'retry-after': WEEK })),
      'too_many_requests',
    ],
    'busy for a week': [instead(forged(503, { code: 'overloaded' }, { 'retry-after': WEEK })), 'overloaded'],
    failed: [instead(forged(500, { code: 'internal_error' })), 'internal_error'],
    'a page': [instead({ status: 200, body: '<html>Call 555-0100</html>' }), 'bad_answer'],
  }),
];

function isKeyRequest(request: WireRequest): boolean {
  return field(request, 'kid') === undefined;
}

/** Another server in place of the real one. */
function played(handle: (path: string, body: string) => Promise<{ status: number; json: unknown }>): Tamper {
  return async ({ path, body }) => {
    const { status, json } = await handle(path, body);
    return { status, body: JSON.stringify(json) };
  };
}

/** Responds to the request for the server's key with a forgery, and passes on everything else. */
function posing(introduce: () => Promise<Json>): Tamper {
  return async (request, line) =>
    isKeyRequest(request)
      ? { status: 200, body: JSON.stringify({ suite: 2, ...(await introduce()) }) }
      : line.send(request);
}

function ownKey(identity = createIdentity()): Promise<ServerKey> {
  return createServerKey(identity, Date.now() - DAY_MS, Date.now() + 30 * DAY_MS);
}

async function introductionOf({ server }: Harness): Promise<Json> {
  return (await fetch(`${server.url}/.well-known/vws`)).json() as Promise<Json>;
}

/** Completes handshakes with a key that the server signed earlier and whose secret was stolen. */
function withStolenKey(identity: Identity, begin: number, end: number): Tamper {
  const key = createServerKey(identity, Date.now() + begin, Date.now() + end);
  return async (request) => {
    const json = isKeyRequest(request)
      ? (await key).introduction
      : (await answerHandshake(await key, JSON.parse(request.body))).answer;
    return { status: 200, body: JSON.stringify(json) };
  };
}

/** The client uses an erased key; the server responds with its current one. */
function withErasedKey(identity: Identity): Tamper {
  return posing(
    async () => (await createServerKey(identity, Date.now() - 36 * DAY_MS, Date.now() + DAY_MS)).introduction,
  );
}

/** A complete second message for the client's public key, without having opened the first. */
function ownResponse(guess?: Uint8Array): Tamper {
  return async (request, line) => {
    if (isKeyRequest(request)) return line.send(request);
    const [kid, publicKey, first] = ['kid', 'public_key', 'ciphertext'].map((name) =>
      Buffer.from(field(request, name), 'base64url'),
    );
    assert.ok(kid && publicKey && first);
    const info = secondMessageInfo(hash('sha256', Buffer.concat([firstMessageInfo(kid), publicKey, first]), 'buffer'));
    const psk = guess && { secret: guess, id: Buffer.from(labels.pskId) };
    const { encapsulated, context } = setupSender(publicKey, info, psk) ?? assert.fail();
    const sealed = context.seal(new Uint8Array(), encodePaddedJson({ idle: DAY_MS, now: Date.now() }));
    const ciphertext = Buffer.concat([encapsulated, sealed]).toString('base64url');
    return { status: 200, body: JSON.stringify({ suite: 2, ciphertext }) };
  };
}

/** The server's response to a suite 1 handshake of the attacker. */
async function suite1Keys({ server }: Harness): Promise<WireReply> {
  const body = JSON.stringify({ public_key: Buffer.from(publicKeyPem).toString('hex') });
  const { status, text } = await post(server, HANDSHAKE_PATH, body);
  return { status, body: text };
}
