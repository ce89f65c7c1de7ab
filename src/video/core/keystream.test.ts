// The key stream against RFC 8439 and the vectors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { key, vectors } from '../../../test/video/vectors.ts';
import { Keystream } from './keystream.ts';

const words = (stream: Keystream, count: number) =>
  Array.from({ length: count }, () => stream.u32().toString(16).padStart(8, '0'));

test('the key stream is ChaCha20: block 1 of RFC 8439, section 2.3.2', () => {
  const { nonce, words16 } = vectors.keystream.rfc8439;
  const rfcKey = Uint8Array.from({ length: 32 }, (_, i) => i);
  assert.deepEqual(words(new Keystream(rfcKey, nonce), 20).slice(16), words16);
});

test('words, numbers and permutations are those of the vectors', () => {
  const { nonce, words0, words16, shuffled10 } = vectors.keystream;
  const stream = words(new Keystream(key, nonce), 18);
  assert.deepEqual(stream.slice(0, 4), words0);
  assert.deepEqual(stream.slice(16), words16);
  assert.deepEqual(Array.from(new Keystream(key, nonce).shuffled(10)), shuffled10);
});
