// Collects chunks of bytes in one growing buffer.

/** Collects chunks with work and memory that are linear in the number of bytes, however small the chunks are. */
export class ByteCollector {
  #bytes = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Returns the number of bytes that adding a chunk would allocate. */
  growthFor(chunkLength: number): number {
    const needed = this.#length + chunkLength;
    return needed <= this.#bytes.length ? 0 : Math.max(needed, 2 * this.#bytes.length) - this.#bytes.length;
  }

  /** Adds a copy of a chunk, which may be a view of a buffer that is reused. */
  push(chunk: Uint8Array): void {
    const growth = this.growthFor(chunk.length);
    if (growth > 0) {
      const larger = Buffer.allocUnsafe(this.#bytes.length + growth);
      larger.set(this.bytes());
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length += chunk.length;
  }

  /** Returns a view of the collected bytes. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}
