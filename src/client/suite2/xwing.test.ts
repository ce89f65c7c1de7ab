// X-Wing and ML-KEM against other implementations.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KEM_MLKEM768_X25519 } from 'hpke';
import { getMlKem } from './findMlKem.ts';
import { mlKemFallback } from './mlKemFallback.ts';
import { decapsulate, encapsulate, generateKeyPair } from './xwing.ts';

describe('X-Wing', () => {
  test('is compatible with the library hpke in both directions', async () => {
    const library = KEM_MLKEM768_X25519();
    const theirs = await library.GenerateKeyPair(true);
    const sent = await encapsulate(await library.SerializePublicKey(theirs.publicKey));
    assert.deepEqual(await library.Decap(sent.ciphertext, theirs.privateKey, undefined), sent.sharedSecret);

    const own = await generateKeyPair();
    const { enc, shared_secret } = await library.Encap(await library.DeserializePublicKey(own.publicKey));
    assert.deepEqual(await decapsulate(own.secretKey, enc), shared_secret);
  });

  test('keys and ciphertexts have the specified lengths', async () => {
    const { secretKey, publicKey } = await generateKeyPair();
    const { ciphertext, sharedSecret } = await encapsulate(publicKey);
    assert.deepEqual(
      [secretKey, publicKey, ciphertext, sharedSecret].map(({ length }) => length),
      [128, 1216, 1120, 32],
    );
  });
});

describe('ML-KEM', () => {
  test('uses WebCrypto if available', async () => {
    assert.notEqual(await getMlKem(), mlKemFallback);
  });

  test('in JavaScript is compatible with WebCrypto, also with a stored key', async () => {
    const native = await getMlKem();
    for (const [one, other] of [
      [native, mlKemFallback],
      [mlKemFallback, native],
    ] as const) {
      const { seed, publicKey } = await one.generate();
      const { ciphertext, sharedSecret } = await other.encapsulate(publicKey);
      assert.deepEqual(await one.decapsulate(seed, ciphertext), sharedSecret);
      assert.deepEqual(await other.decapsulate(seed, ciphertext), sharedSecret);
    }
  });
});
