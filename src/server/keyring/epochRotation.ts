// Begins epochs, and destroys the key of an epoch when no row needs it.
import { setTimeout as delay } from 'node:timers/promises';
import {
  excludeEpochHolders,
  findWrappedKemKeys,
  findWrappedSteps,
  holdEpoch,
  isLockTimeout,
  type Rewrapped,
  rewrapKemKey,
  rewrapSteps,
  type WrappedRow,
} from '../store/epochs.ts';
import type { Store, Transaction } from '../store/store.ts';
import type { EpochFile } from './epochFile.ts';
import type { EpochKeys } from './epochKeys.ts';

/** Most rows in one transaction: some milliseconds of work on a fast machine. */
export const REWRAP_BATCH = 50;
/** The longest time that a transaction should take: other requests wait for it. Batches get smaller if they take longer. */
const BATCH_TARGET_MS = 10;
/** The pause after a batch is this many times as long as the batch took, so that other work gets the store in between. */
const PAUSE_FACTOR = 4;
/** Pause before rows that were in use, or an epoch that others held, are tried again. */
const RETRY_INTERVAL_MS = 50;
/** Pause after an error, such as an unavailable database. */
const ERROR_INTERVAL_MS = 2_000;

export interface EpochRotationDependencies {
  readonly store: Store;
  readonly file: EpochFile;
  readonly keys: EpochKeys;
  /** Length of an epoch. */
  readonly epochMs: number;
  readonly clock: () => number;
  /** Receives the error of a rotation that failed; it is repeated. */
  readonly onError: (error: unknown) => void;
}

/**
 * The rotation of epochs, in this order, so that it may be interrupted anywhere:
 *
 * 1. The new key is written to the file, next to the previous one, and used from then on.
 * 2. Every row is wrapped again under the new key, in batches. Both keys can decrypt meanwhile.
 * 3. The previous key is destroyed.
 *
 * A transaction that wraps values holds the epoch from before it reads the key until it ends. After an instant in which no
 * transaction holds it (`excludeEpochHolders`), no row can appear under an older key. Several processes may rotate at once:
 * each destroys a key only after it has gone through all rows itself.
 */
export class EpochRotation {
  readonly #dependencies: EpochRotationDependencies;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** The epoch that this process began. */
  #begun: Uint8Array | undefined;

  constructor(dependencies: EpochRotationDependencies) {
    this.#dependencies = dependencies;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Waits for the batch in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { onError } = this.#dependencies;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#pause(await this.rotate());
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        const isHeld = isLockTimeout(error);
        if (!isHeld) onError(error);
        await this.#pause(isHeld ? RETRY_INTERVAL_MS : ERROR_INTERVAL_MS).catch(() => {});
      }
    }
  }

  /**
   * Does what is due: begins an epoch, wraps all rows under its key and destroys the previous key.
   *
   * @returns the time until something is due again, in milliseconds
   */
  async rotate(): Promise<number> {
    const { file, epochMs, clock } = this.#dependencies;
    const age = clock() - file.read().current.createdAt;
    if (!file.read().previous) {
      if (age < epochMs) return Math.min(epochMs - age, epochMs);
      if (!(await this.#begin())) return 0;
    } else if (age < epochMs / 2 && !this.#isOwn()) {
      // Another process began this epoch and is at work. If it was killed, this one completes the change.
      return epochMs / 2 - age;
    }
    await this.#complete();
    return 0;
  }

  #isOwn(): boolean {
    return this.#begun !== undefined && Buffer.compare(this.#begun, this.#dependencies.file.read().current.id) === 0;
  }

  /** @returns false if another process began it first */
  async #begin(): Promise<boolean> {
    const { store, file, epochMs, clock } = this.#dependencies;
    return store.transaction(async (tx) => {
      await excludeEpochHolders(tx);
      const { current, previous } = file.read();
      if (previous || clock() - current.createdAt < epochMs) return this.#isOwn();
      file.begin(clock());
      this.#begun = file.read().current.id;
      return true;
    });
  }

  async #complete(): Promise<void> {
    const { store, file } = this.#dependencies;
    const current = await store.transaction(async (tx) => {
      await excludeEpochHolders(tx);
      return file.read().current.id;
    });
    while (!(await this.#rewrapAll())) await this.#pause(RETRY_INTERVAL_MS);
    await store.transaction(async (tx) => {
      await excludeEpochHolders(tx);
      file.destroyPrevious(current);
    });
  }

  /** @returns false if rows were in use, and are left under an older key */
  async #rewrapAll(): Promise<boolean> {
    const { store } = this.#dependencies;
    await store.transaction((tx) => this.#rewrapKemKeys(tx));
    let complete = true;
    let last: WrappedRow | undefined;
    let limit = REWRAP_BATCH;
    do {
      const batch = await store.transaction((tx) => this.#rewrapBatch(tx, last?.position, limit));
      complete &&= batch.complete;
      last = batch.last;
      limit = nextLimit(limit, batch.elapsedMs);
      if (last) await this.#pause(PAUSE_FACTOR * batch.elapsedMs);
    } while (last);
    return complete;
  }

  async #rewrapKemKeys(tx: Transaction): Promise<void> {
    await holdEpoch(tx);
    for (const row of this.#rewrap(await findWrappedKemKeys(tx))) await rewrapKemKey(tx, row);
  }

  async #rewrapBatch(
    tx: Transaction,
    after: WrappedRow['position'] | undefined,
    limit: number,
  ): Promise<{ last: WrappedRow | undefined; complete: boolean; elapsedMs: number }> {
    const startedAt = performance.now();
    await holdEpoch(tx);
    const rows = await findWrappedSteps(tx, after, limit);
    const complete = await rewrapSteps(tx, this.#rewrap(rows));
    return { last: rows.at(-1), complete, elapsedMs: performance.now() - startedAt };
  }

  /** Wraps the values that another epoch wrapped. A value whose key was lost stays unchanged, and expires with its session. */
  #rewrap(rows: readonly Rewrapped[]): Rewrapped[] {
    const { file, keys } = this.#dependencies;
    const { current } = file.read();
    return rows.flatMap((row) => {
      if (row.epochId && Buffer.compare(row.epochId, current.id) === 0) return [];
      const bytes = keys.unwrap(row);
      return bytes ? [{ id: row.id, ...keys.wrap(bytes) }] : [];
    });
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal, ref: false });
  }
}

/** @returns the number of rows for the next batch, by the time that the last one took in its transaction */
export function nextLimit(limit: number, elapsedMs: number): number {
  const fitting = Math.floor((limit * BATCH_TARGET_MS) / Math.max(elapsedMs, 1));
  // Grows slowly: a short batch may have been luck.
  return Math.max(1, Math.min(REWRAP_BATCH, fitting, limit + 5));
}
