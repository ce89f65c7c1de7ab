// Attacks with stolen data.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { connect } from '../../src/client/index.ts';
import {
  firstMessageInfo,
  formatSessionKey,
  KEM_CIPHERTEXT_LENGTH,
  labels,
  secondMessageInfo,
} from '../../src/protocol/suite2.ts';
import { openAead } from '../../src/server/crypto/aead.ts';
import { setupReceiver } from '../../src/server/crypto/hpke.ts';
import { type XWingKeyPair, xwingKeyPair } from '../../src/server/crypto/xwing.ts';
import { createMemoryStorage } from '../support/client/harness.ts';
import { field, type Heard, intact, isHandshake, stepOf } from './attack.ts';
import {
  bytesOf,
  column,
  findReadableSteps,
  findStep,
  type Loot,
  openStep,
  steal,
  textOf,
  unwrap,
} from './attacker.ts';
import { expectError, type Harness, type Victim } from './harness.ts';

/** A client rekeys after this many requests … */
const KEM_REQUESTS = 16;
/** … or milliseconds. */
const KEM_INTERVAL_MS = 60_000;

/** Scenarios by the stolen data: what the attacker can read, and what not. */
export const thefts: Readonly<Record<string, (harness: Harness) => Promise<void>>> = {
  async 'a copy of a client’s state reads up to the next KEM step, and nothing before the theft'(harness) {
    const alice = await harness.enterAgain();
    await talkUntil(4, alice, harness);
    const { root } = stepOf(alice);
    await talkUntil(KEM_REQUESTS + 5, alice, harness);
    assert.deepEqual(findReadableSteps([bytesOf(root)], trafficOf(alice, harness)), range(4, KEM_REQUESTS));
  },

  async 'a copy of a client’s state reads for a minute'(harness) {
    const alice = await harness.enterAgain();
    await talkUntil(4, alice, harness);
    const { root } = stepOf(alice);
    await talkUntil(7, alice, harness);
    alice.clock.advance(KEM_INTERVAL_MS);
    await talkUntil(12, alice, harness);
    assert.deepEqual(findReadableSteps([bytesOf(root)], trafficOf(alice, harness)), range(4, 7));
  },

  async 'a copy of a client’s state that is used is noticed, and the user can end it'(harness) {
    const alice = await harness.enterAgain();
    const storage = createMemoryStorage(alice.storage.text);
    const attacker = await connect(harness.line.url, { ...harness.options(), storage });
    await attacker.getAccount();
    await expectError(alice.vws.getAccount(), 'out_of_sync');
    const again = await harness.enterAgain();
    await again.vws.endOtherSessions();
    await expectError(attacker.getAccount(), 'session_not_found');
    await harness.expectUnharmed(again);
  },

  async 'the database and the master key open no session'(harness) {
    const alice = await harness.enterAgain();
    const { sessionId, n, root } = stepOf(alice);
    const sessionKey = formatSessionKey(sessionId, n);
    const loot = await steal(harness.server);
    const row = findStep(loot, sessionKey) ?? assert.fail();
    for (const guess of ['', ...Object.values(row).flatMap(sessionKeysLike)]) {
      assert.equal(openStep(loot, row, guess), undefined, guess);
    }
    assert.equal(textOf(openStep(loot, row, sessionKey) ?? assert.fail()), root, 'with the session key, it does open');
  },

  async 'the database, the master key and the traffic open what is said in this moment, up to the next KEM step'(
    harness,
  ) {
    const alice = await harness.enterAgain();
    await talkUntil(4, alice, harness);
    const loot = await steal(harness.server);
    await talkUntil(KEM_REQUESTS + 5, alice, harness);
    const traffic = trafficOf(alice, harness);
    const stored = traffic.flatMap(({ request }) => {
      const sessionKey = field(request, 'session_key');
      const row = findStep(loot, sessionKey);
      return row ? [openStep(loot, row, sessionKey) ?? assert.fail()] : [];
    });
    // The last request, which may be sent again, and the next one.
    assert.equal(stored.length, 2);
    assert.deepEqual(findReadableSteps(stored, traffic), range(3, KEM_REQUESTS));
  },

  async 'the KEM key and the traffic open the first message of a handshake, and no session'(harness) {
    const alice = await harness.enterAgain();
    const handshake = intact(harness.line.heard.findLast(({ request }) => isHandshake(request)));
    await talkUntil(4, alice, harness);
    const { greeting, secrets } = openHandshake(stolenKemKey(await steal(harness.server)), handshake);
    assert.match(greeting, /^\{"now":\d+\} *$/);
    assert.deepEqual(findReadableSteps(secrets, trafficOf(alice, harness)), []);
  },
};

async function talkUntil(step: number, alice: Victim, { bob }: Harness): Promise<void> {
  while (stepOf(alice).n < step) await alice.vws.encrypt(bob.person.username, 'a text for Bob alone');
}

/** Traffic of her session after the login. */
function trafficOf(alice: Victim, { line }: Harness): Heard[] {
  const { sessionId } = stepOf(alice);
  return line.heard
    .map(intact)
    .filter(({ request }) => field(request, 'session_key')?.includes(sessionId))
    .slice(1);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Possible session keys that a value in the database could be part of. */
function sessionKeysLike(value: Uint8Array | string | null): string[] {
  if (!(value instanceof Uint8Array)) return [];
  const forms = [textOf(value), Buffer.from(value).toString('hex')];
  return [...forms, ...range(0, 2).map((n) => formatSessionKey(textOf(value), n))];
}

function stolenKemKey({ masterKey, epochs, tables }: Loot): XWingKeyPair {
  const [row = assert.fail()] = tables.kem_keys ?? [];
  const sealingKey = masterKey.derive('vws kem keys');
  return xwingKeyPair(
    openAead(sealingKey, unwrap(epochs, row, 'sealed_seed'), column(row, 'descriptor')) ?? assert.fail(),
  );
}

/** Opens everything that the server's KEM key opens; the secrets are all candidates for a root. */
function openHandshake(key: XWingKeyPair, { request, reply }: Heard): { greeting: string; secrets: Uint8Array[] } {
  const [kid, publicKey, first] = ['kid', 'public_key', 'ciphertext'].map((name) => bytesOf(field(request, name)));
  assert.ok(kid && publicKey && first);
  const info = firstMessageInfo(kid);
  const received = setupReceiver(key, first.subarray(0, KEM_CIPHERTEXT_LENGTH), info);
  const greeting = received?.open(publicKey, first.subarray(KEM_CIPHERTEXT_LENGTH));
  assert.ok(received && greeting);
  const psk = { secret: received.export(labels.psk, 32), id: Buffer.from(labels.pskId) };

  const second = bytesOf(field(reply, 'ciphertext'));
  const secondInfo = secondMessageInfo(hash('sha256', Buffer.concat([info, publicKey, first]), 'buffer'));
  const wrong = setupReceiver(key, second.subarray(0, KEM_CIPHERTEXT_LENGTH), secondInfo, psk);
  assert.equal(wrong?.open(new Uint8Array(), second.subarray(KEM_CIPHERTEXT_LENGTH)), undefined);
  const contexts = [received, wrong ?? assert.fail()];
  return {
    greeting: Buffer.from(greeting).toString(),
    secrets: [psk.secret, ...contexts.map((context) => context.export(labels.root, 32))],
  };
}
