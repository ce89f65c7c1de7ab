// The outer layer of what must not outlive its deletion: encryption under the key of the current epoch.
import { CounterMode } from '../crypto/counterMode.ts';
import { randomBytes } from '../crypto/random.ts';
import type { Epoch, EpochFile } from './epochFile.ts';

/** A value as the database stores it. */
export interface Wrapped {
  readonly bytes: Uint8Array;
  /** The epoch whose key encrypts it; null if it has no outer layer. */
  readonly epochId: Uint8Array | null;
}

/*
 * counter block (16, random) ‖ AES-256-CTR of a value. The value is the result of an AEAD, which authenticates it: this layer only
 * has to hide it, and every request uses it twice.
 */
const BLOCK_LENGTH = 16;

/**
 * Wraps values under the key of the current epoch. A deleted row may remain in the files of a database for long; without its
 * epoch key, which is destroyed about a minute later, nothing of it can be decrypted.
 */
export class EpochKeys {
  readonly #file: EpochFile | undefined;
  /** An epoch that is no longer in the file takes its cipher with it. */
  readonly #ciphers = new WeakMap<Epoch, CounterMode>();

  /** @param file undefined: values get no outer layer */
  constructor(file: EpochFile | undefined) {
    this.#file = file;
  }

  /** Wraps a value that an AEAD encrypted. The caller's transaction must hold the epoch: see store/epochs.ts. */
  wrap(bytes: Uint8Array): Wrapped {
    if (!this.#file) return { bytes, epochId: null };
    const { current } = this.#file.read();
    const block = randomBytes(BLOCK_LENGTH);
    const wrapped = Buffer.allocUnsafe(BLOCK_LENGTH + bytes.length);
    wrapped.set(block);
    this.#cipherOf(current).apply(block, bytes, wrapped.subarray(BLOCK_LENGTH));
    return { bytes: wrapped, epochId: current.id };
  }

  /**
   * Removes the outer layer.
   *
   * @returns undefined if the epoch's key is not in the file: it was lost, or the file is another one
   */
  unwrap({ bytes, epochId }: Wrapped): Uint8Array | undefined {
    if (!epochId) return bytes;
    if (!this.#file) return undefined;
    const epoch = this.#file.find(epochId);
    if (!epoch) return undefined;
    const block = bytes.subarray(0, BLOCK_LENGTH);
    // A shorter value was altered, which the AEAD inside detects.
    if (block.length < BLOCK_LENGTH) return bytes;
    const unwrapped = Buffer.allocUnsafe(bytes.length - BLOCK_LENGTH);
    this.#cipherOf(epoch).apply(block, bytes.subarray(BLOCK_LENGTH), unwrapped);
    return unwrapped;
  }

  #cipherOf(epoch: Epoch): CounterMode {
    const known = this.#ciphers.get(epoch);
    if (known) return known;
    const cipher = new CounterMode(epoch.key);
    this.#ciphers.set(epoch, cipher);
    return cipher;
  }
}
