// HPKE contexts against the library hpke.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_MLKEM768_X25519 } from 'hpke';
import { createHpkeContext } from './hpke.ts';
import { decapsulate, encapsulate, generateKeyPair } from './xwing.ts';

const library = new CipherSuite(KEM_MLKEM768_X25519, KDF_HKDF_SHA256, AEAD_AES_256_GCM);
const info = Buffer.from('the info');
const aad = Buffer.from('additional data');
const text = Buffer.from('a message');

for (const [mode, psk] of [
  ['base mode', undefined],
  ['PSK mode', { secret: randomBytes(32), id: Buffer.from('the id') }],
] as const) {
  const options = { info, ...(psk && { psk: psk.secret, pskId: psk.id }) };

  test(`${mode}: the library decrypts our message and exports the same secret`, async () => {
    const { privateKey, publicKey } = await library.GenerateKeyPair(true);
    const { ciphertext, sharedSecret } = await encapsulate(await library.SerializePublicKey(publicKey));
    const sender = await createHpkeContext(sharedSecret, info, psk);
    const recipient = await library.SetupRecipient(privateKey, ciphertext, options);
    const sealed = await sender.seal(aad, text);
    assert.deepEqual(Buffer.from(await recipient.Open(sealed, aad)), text);
    assert.deepEqual(await sender.export('label'), await recipient.Export(Buffer.from('label'), 32));
  });

  test(`${mode}: we decrypt the library's message and export the same secret`, async () => {
    const own = await generateKeyPair();
    const { encapsulatedSecret, ctx } = await library.SetupSender(
      await library.DeserializePublicKey(own.publicKey),
      options,
    );
    const recipient = await createHpkeContext(await decapsulate(own.secretKey, encapsulatedSecret), info, psk);
    const sealed = await ctx.Seal(text, aad);
    assert.deepEqual(Buffer.from(await recipient.open(aad, sealed)), text);
    assert.deepEqual(await recipient.export('label'), await ctx.Export(Buffer.from('label'), 32));
    await assert.rejects(recipient.open(Buffer.from('other data'), sealed));
    await assert.rejects(createHpkeContext(randomBytes(32), info, psk).then((other) => other.open(aad, sealed)));
  });
}
