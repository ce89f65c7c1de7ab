// AES-ECB against node:crypto.
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { decryptEcb, encryptEcb, importAesKey } from './ecb.ts';

function encrypt(key: Buffer, plaintext: Uint8Array, padded = true): Buffer {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(padded);
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}

describe('AES-ECB implemented with AES-CBC', () => {
  const bytes = randomBytes(32);
  const importKey = () => importAesKey(new Uint8Array(bytes));

  test('equals node:crypto for lengths around a block and a batch', async () => {
    const key = await importKey();
    for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 40_000]) {
      const plaintext = new Uint8Array(randomBytes(length));
      const ciphertext = await encryptEcb(key, plaintext);
      assert.deepEqual(Buffer.from(ciphertext), encrypt(bytes, plaintext), `${length} bytes`);
      assert.deepEqual(await decryptEcb(key, ciphertext), plaintext, `${length} bytes`);
    }
  });

  test('rejects invalid padding and partial blocks', async () => {
    const key = await importKey();
    for (const end of [[0], [17], [1, 2], [3, 2, 3], [16]]) {
      const block = Buffer.alloc(16, 0xaa);
      block.set(end, 16 - end.length);
      assert.equal(await decryptEcb(key, new Uint8Array(encrypt(bytes, block, false))), undefined, String(end));
    }
    assert.equal(await decryptEcb(key, new Uint8Array()), undefined);
    assert.equal(await decryptEcb(key, new Uint8Array(17)), undefined);
  });
});
