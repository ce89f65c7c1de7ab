// Pattern keys against the vectors.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hex, vectors } from '../../test/video/vectors.ts';
import { hashPassphrase, publicKey, sharedKey, userKey } from './keys.ts';

const bytes = Uint8Array.from({ length: 32 }, (_, i) => i);

describe('pattern keys', () => {
  test('of each kind are those of the vectors', async () => {
    assert.equal(hex(publicKey().bytes), vectors.keys.public);
    assert.equal(hex(userKey(bytes).bytes), vectors.keys.user);
    assert.equal(hex((await sharedKey(bytes)).bytes), vectors.keys.shared);
  });

  test('of a passphrase is that of the vectors, in any Unicode form', async () => {
    const { text, argon2id, key } = vectors.keys.passphrase;
    assert.equal(hex(await hashPassphrase(text)), argon2id);
    const fullWidth = text.replace(/[a-z]/g, (letter: string) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0));
    assert.equal(hex((await sharedKey(fullWidth)).bytes), key);
  });

  test('a key of another length is refused', async () => {
    assert.throws(() => userKey(bytes.subarray(1)), TypeError);
    await assert.rejects(sharedKey(bytes.subarray(1)), TypeError);
  });
});
