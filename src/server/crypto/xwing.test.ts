// X-Wing: test vectors, interoperability, altered input.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ml_kem768_x25519 as XWing } from '@noble/post-quantum/hybrid.js';
import {
  XWING_CIPHERTEXT_LENGTH,
  XWING_PUBLIC_KEY_LENGTH,
  XWING_SEED_LENGTH,
  xwingDecapsulate,
  xwingEncapsulate,
  xwingKeyPair,
} from './xwing.ts';

test('test vectors of the draft', () => {
  const { vectors } = JSON.parse(readFileSync(join(import.meta.dirname, 'xwingVectors.json'), 'utf8')) as {
    vectors: Record<'seed' | 'pk' | 'ct' | 'ss', string>[];
  };
  assert.equal(vectors.length, 3);
  for (const { seed, pk, ct, ss } of vectors) {
    const pair = xwingKeyPair(Buffer.from(seed, 'hex'));
    assert.equal(Buffer.from(pair.publicKey).toString('hex'), pk);
    const secret = xwingDecapsulate(pair, Buffer.from(ct, 'hex'));
    assert.ok(secret);
    assert.equal(Buffer.from(secret).toString('hex'), ss);
  }
});

test('both sides derive the same secret, a new one each time', () => {
  const pair = xwingKeyPair(randomBytes(XWING_SEED_LENGTH));
  const one = xwingEncapsulate(pair.publicKey);
  const other = xwingEncapsulate(pair.publicKey);
  assert.ok(one && other);
  assert.equal(one.ciphertext.length, XWING_CIPHERTEXT_LENGTH);
  assert.deepEqual(xwingDecapsulate(pair, one.ciphertext), one.sharedSecret);
  assert.notDeepEqual(one.sharedSecret, other.sharedSecret);
});

test('another implementation derives the same keys and secrets', () => {
  for (let round = 0; round < 5; round += 1) {
    const seed = randomBytes(XWING_SEED_LENGTH);
    const pair = xwingKeyPair(seed);
    const theirs = XWing.keygen(seed);
    assert.deepEqual(Buffer.from(theirs.publicKey), Buffer.from(pair.publicKey));

    const ours = xwingEncapsulate(theirs.publicKey);
    assert.ok(ours);
    assert.deepEqual(Buffer.from(XWing.decapsulate(ours.ciphertext, theirs.secretKey)), ours.sharedSecret);
    const { cipherText, sharedSecret } = XWing.encapsulate(pair.publicKey);
    assert.deepEqual(xwingDecapsulate(pair, cipherText), Buffer.from(sharedSecret));
  }
});

test('an altered ciphertext gives another secret, or undefined where X25519 fails', () => {
  const pair = xwingKeyPair(randomBytes(XWING_SEED_LENGTH));
  const encapsulation = xwingEncapsulate(pair.publicKey);
  assert.ok(encapsulation);
  for (const position of [0, 1087, 1088]) {
    const altered = Buffer.from(encapsulation.ciphertext);
    altered.writeUInt8(altered.readUInt8(position) ^ 1, position);
    assert.notDeepEqual(xwingDecapsulate(pair, altered), encapsulation.sharedSecret);
  }
  const smallOrder = Buffer.from(encapsulation.ciphertext).fill(0, 1088);
  assert.equal(xwingDecapsulate(pair, smallOrder), undefined);
});

test('invalid keys and ciphertexts are rejected', () => {
  const pair = xwingKeyPair(randomBytes(XWING_SEED_LENGTH));
  const { publicKey } = pair;
  for (const bad of [
    Buffer.alloc(0),
    publicKey.subarray(1),
    Buffer.concat([publicKey, Buffer.alloc(1)]),
    Buffer.alloc(XWING_PUBLIC_KEY_LENGTH, 0xff),
    Buffer.from(publicKey).fill(0, 1184),
  ]) {
    assert.equal(xwingEncapsulate(bad), undefined);
  }
  for (const length of [0, XWING_CIPHERTEXT_LENGTH - 1, XWING_CIPHERTEXT_LENGTH + 1]) {
    assert.equal(xwingDecapsulate(pair, randomBytes(length)), undefined);
  }
});
