// The outer layer of what must not outlive its deletion: encryption under the key of the current epoch.
import { openAead, sealAead } from '../crypto/aead.ts';
import type { EpochFile } from './epochFile.ts';

/** A value as the database stores it. */
export interface Wrapped {
  readonly bytes: Uint8Array;
  /** The epoch whose key encrypts it; null if it has no outer layer. */
  readonly epochId: Uint8Array | null;
}

const CONTEXT = Buffer.from('vws epoch');

/**
 * Wraps values under the key of the current epoch. A deleted row may remain in the files of a database for long; without its
 * epoch key, which is destroyed about a minute later, nothing of it can be decrypted.
 */
export class EpochKeys {
  readonly #file: EpochFile | undefined;

  /** @param file undefined: values get no outer layer */
  constructor(file: EpochFile | undefined) {
    this.#file = file;
  }

  /** Wraps a value. The caller's transaction must hold the epoch: see store/epochs.ts. */
  wrap(bytes: Uint8Array): Wrapped {
    if (!this.#file) return { bytes, epochId: null };
    const { id, key } = this.#file.read().current;
    return { bytes: sealAead(key, bytes, CONTEXT), epochId: id };
  }

  /**
   * Removes the outer layer.
   *
   * @returns undefined if the epoch's key is not in the file: it was lost, or the file is another one
   * @throws Error if the value was altered
   */
  unwrap({ bytes, epochId }: Wrapped): Uint8Array | undefined {
    if (!epochId) return bytes;
    if (!this.#file) return undefined;
    const { current, previous, unfinished } = this.#file.read();
    for (const epoch of [current, previous, unfinished]) {
      if (!epoch || Buffer.compare(epoch.id, epochId) !== 0) continue;
      const opened = openAead(epoch.key, bytes, CONTEXT);
      if (!opened) throw new Error('a wrapped value does not open: the database was altered or damaged');
      return opened;
    }
    return undefined;
  }
}
