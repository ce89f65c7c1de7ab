// ChaCha20 as a source of numbers, signs and permutations.

const rotate = (x: number, bits: number) => (x << bits) | (x >>> (32 - bits));

/** Words of the ChaCha20 key stream (RFC 8439) of a 32-byte key and a nonce of three words. */
export class Keystream {
  readonly #state = new Int32Array(16);
  readonly #block = new Int32Array(16);
  #next = 16;

  constructor(key: Uint8Array, nonce: readonly [number, number, number]) {
    if (key.length !== 32) throw new RangeError('a key has 32 bytes');
    this.#state.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
    const words = new DataView(key.buffer, key.byteOffset, 32);
    for (let i = 0; i < 8; i++) this.#state[4 + i] = words.getInt32(4 * i, true);
    this.#state.set(nonce, 13);
  }

  /** The next word, 0 … 2³² − 1. */
  u32(): number {
    if (this.#next === 16) this.#fill();
    return this.#block[this.#next++]! >>> 0;
  }

  /** A number in [0, 1) with 32 bits. */
  unit(): number {
    return this.u32() / 4294967296;
  }

  /** An integer in [0, n). */
  below(n: number): number {
    return Math.floor(this.unit() * n);
  }

  /** A permutation of 0 … n − 1. */
  shuffled(n: number): Uint32Array {
    const order = new Uint32Array(n);
    for (let i = 0; i < n; i++) order[i] = i;
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const value = order[i]!;
      order[i] = order[j]!;
      order[j] = value;
    }
    return order;
  }

  #fill(): void {
    const block = this.#block;
    block.set(this.#state);
    for (let round = 0; round < 10; round++) {
      quarterRound(block, 0, 4, 8, 12);
      quarterRound(block, 1, 5, 9, 13);
      quarterRound(block, 2, 6, 10, 14);
      quarterRound(block, 3, 7, 11, 15);
      quarterRound(block, 0, 5, 10, 15);
      quarterRound(block, 1, 6, 11, 12);
      quarterRound(block, 2, 7, 8, 13);
      quarterRound(block, 3, 4, 9, 14);
    }
    for (let i = 0; i < 16; i++) block[i] = (block[i]! + this.#state[i]!) | 0;
    this.#state[12] = (this.#state[12]! + 1) | 0;
    this.#next = 0;
  }
}

function quarterRound(x: Int32Array, a: number, b: number, c: number, d: number): void {
  x[a] = x[a]! + x[b]!;
  x[d] = rotate(x[d]! ^ x[a]!, 16);
  x[c] = x[c]! + x[d]!;
  x[b] = rotate(x[b]! ^ x[c]!, 12);
  x[a] = x[a]! + x[b]!;
  x[d] = rotate(x[d]! ^ x[a]!, 8);
  x[c] = x[c]! + x[d]!;
  x[b] = rotate(x[b]! ^ x[c]!, 7);
}
