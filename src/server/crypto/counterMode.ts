// AES-256 in counter mode, for many short values under one key.
import { type Cipheriv, createCipheriv } from 'node:crypto';

const BLOCK_LENGTH = 16;

/**
 * AES-256-CTR (NIST SP 800-38A, section 6.5) with one key.
 *
 * The cipher object is kept, because creating one takes longer than encrypting a short value. `node:crypto` binds an object of
 * `aes-256-ctr` to its first counter block; therefore this one is of `aes-256-ecb`, which has no state between blocks, and
 * encrypts the counter blocks.
 */
export class CounterMode {
  readonly #blockCipher: Cipheriv;
  #counters = Buffer.alloc(BLOCK_LENGTH);

  /** @param key 32 bytes */
  constructor(key: Uint8Array) {
    this.#blockCipher = createCipheriv('aes-256-ecb', key, null);
  }

  /**
   * Encrypts or decrypts. A counter block must never be used twice with the same key.
   *
   * @param firstCounter 16 bytes
   * @param target of the same length as `bytes`
   */
  apply(firstCounter: Uint8Array, bytes: Uint8Array, target: Uint8Array): void {
    const keystream = this.#blockCipher.update(this.#countersFrom(firstCounter, bytes.length));
    for (let index = 0; index < bytes.length; index += 1) {
      target[index] = (bytes[index] as number) ^ (keystream[index] as number);
    }
  }

  #countersFrom(first: Uint8Array, length: number): Uint8Array {
    const end = Math.ceil(length / BLOCK_LENGTH) * BLOCK_LENGTH;
    if (this.#counters.length < end) this.#counters = Buffer.alloc(end);
    const counters = this.#counters;
    counters.set(first);
    for (let start = BLOCK_LENGTH; start < end; start += BLOCK_LENGTH) {
      counters.copyWithin(start, start - BLOCK_LENGTH, start);
      increment(counters, start + BLOCK_LENGTH);
    }
    return counters.subarray(0, end);
  }
}

/** Adds one to the block that ends at `end`, modulo 2¹²⁸. */
function increment(counters: Uint8Array, end: number): void {
  for (let index = end - 1; index >= end - BLOCK_LENGTH; index -= 1) {
    const value = ((counters[index] as number) + 1) % 256;
    counters[index] = value;
    if (value > 0) return;
  }
}
