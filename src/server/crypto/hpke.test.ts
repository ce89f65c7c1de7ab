// HPKE: interoperability with the package hpke, altered input.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_MLKEM768_X25519 } from 'hpke';
import { setupReceiver, setupSender } from './hpke.ts';
import { xwingKeyPair } from './xwing.ts';

const theirSuite = new CipherSuite(KEM_MLKEM768_X25519, KDF_HKDF_SHA256, AEAD_AES_256_GCM);
const info = Buffer.from('an info');
const aad = Buffer.from('associated');
const message = Buffer.from('a message');
const psk = { secret: randomBytes(32), id: Buffer.from('a name') };

function pair() {
  const seed = randomBytes(32);
  return { seed, keys: xwingKeyPair(seed) };
}

test('the receiver opens the message and exports the same secrets', () => {
  const { keys } = pair();
  for (const key of [undefined, psk]) {
    const sender = setupSender(keys.publicKey, info, key);
    assert.ok(sender);
    const sealed = sender.context.seal(aad, message);
    const receiver = setupReceiver(keys, sender.encapsulated, info, key);
    assert.deepEqual(receiver?.open(aad, sealed), message);
    assert.deepEqual(receiver.export('a purpose', 32), sender.context.export('a purpose', 32));
    assert.notDeepEqual(receiver.export('another', 32), sender.context.export('a purpose', 32));
  }
});

test('the package hpke opens our messages in base and PSK mode, and exports the same secrets', async () => {
  const { seed, keys } = pair();
  const privateKey = await theirSuite.DeserializePrivateKey(seed);
  for (const key of [undefined, psk]) {
    const sender = setupSender(keys.publicKey, info, key);
    assert.ok(sender);
    const sealed = sender.context.seal(aad, message);
    const options = { info, ...(key && { psk: key.secret, pskId: key.id }) };
    const receiver = await theirSuite.SetupRecipient(privateKey, sender.encapsulated, options);
    assert.deepEqual(Buffer.from(await receiver.Open(sealed, aad)), message);
    assert.deepEqual(
      Buffer.from(await receiver.Export(Buffer.from('sid'), 32)),
      Buffer.from(sender.context.export('sid', 32)),
    );
  }
});

test('we open messages of the package hpke in base and PSK mode, and export the same secrets', async () => {
  const { keys } = pair();
  const publicKey = await theirSuite.DeserializePublicKey(keys.publicKey);
  for (const key of [undefined, psk]) {
    const options = { info, ...(key && { psk: key.secret, pskId: key.id }) };
    const { encapsulatedSecret, ctx } = await theirSuite.SetupSender(publicKey, options);
    const sealed = await ctx.Seal(message, aad);
    const receiver = setupReceiver(keys, encapsulatedSecret, info, key);
    assert.deepEqual(receiver?.open(aad, sealed), message);
    assert.deepEqual(Buffer.from(await ctx.Export(Buffer.from('sid'), 32)), Buffer.from(receiver.export('sid', 32)));
  }
});

test('a message does not open with another info, key, PSK, PSK id or associated data', () => {
  const { keys } = pair();
  const sender = setupSender(keys.publicKey, info, psk);
  assert.ok(sender);
  const { encapsulated } = sender;
  const sealed = sender.context.seal(aad, message);
  const opened = [
    setupReceiver(keys, encapsulated, Buffer.from('another'), psk)?.open(aad, sealed),
    setupReceiver(pair().keys, encapsulated, info, psk)?.open(aad, sealed),
    setupReceiver(keys, encapsulated, info, { ...psk, secret: randomBytes(32) })?.open(aad, sealed),
    setupReceiver(keys, encapsulated, info, { ...psk, id: Buffer.from('b') })?.open(aad, sealed),
    setupReceiver(keys, encapsulated, info)?.open(aad, sealed),
    setupReceiver(keys, encapsulated, info, psk)?.open(Buffer.from('b'), sealed),
    setupReceiver(keys, encapsulated, info, psk)?.open(aad, sealed.subarray(1)),
    setupReceiver(keys, encapsulated, info, psk)?.open(aad, Buffer.alloc(3)),
    setupReceiver(keys, encapsulated.subarray(1), info, psk),
  ];
  for (const result of opened) assert.equal(result, undefined);
});

test('setup rejects invalid keys, and exports are bounded', () => {
  assert.equal(setupSender(Buffer.alloc(7), info), undefined);
  const sender = setupSender(pair().keys.publicKey, info);
  assert.throws(() => sender?.context.export('sid', 33), RangeError);
});
