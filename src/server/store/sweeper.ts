// Deletes expired rows at intervals.
import { deleteExpired, type ExpiryTimes } from './expiry.ts';
import type { Store } from './store.ts';

/** Interval between sweeps that found little. */
const SWEEP_INTERVAL_MS = 10_000;
/** Interval between sweeps while expired rows remain, so that other work gets the store in between. */
const BUSY_INTERVAL_MS = 50;
/** Rows of each kind in one sweep: some milliseconds of work. */
export const SWEEP_BATCH = 200;

/** Deletes what has expired, a bounded number of rows at a time. */
export class Sweeper {
  readonly #store: Store;
  readonly #expiryTimes: (now: number) => ExpiryTimes;
  readonly #clock: () => number;
  readonly #onError: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #running = Promise.resolve();
  #stopped = false;

  /**
   * @param expiryTimes maps the time of the sweep, in milliseconds since 1970, to the times up to which rows are deleted
   * @param onError receives the error of a sweep that failed; sweeping continues
   */
  constructor(
    store: Store,
    expiryTimes: (now: number) => ExpiryTimes,
    clock: () => number,
    onError: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#expiryTimes = expiryTimes;
    this.#clock = clock;
    this.#onError = onError;
  }

  start(): void {
    this.#schedule(SWEEP_INTERVAL_MS);
  }

  /** Waits for a sweep in progress. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#sweep();
    }, delayMs);
    this.#timer.unref();
  }

  async #sweep(): Promise<void> {
    try {
      const times = this.#expiryTimes(this.#clock());
      const most = await this.#store.transaction((tx) => deleteExpired(tx, times, SWEEP_BATCH));
      this.#schedule(most < SWEEP_BATCH ? SWEEP_INTERVAL_MS : BUSY_INTERVAL_MS);
    } catch (error) {
      this.#onError(error);
      this.#schedule(SWEEP_INTERVAL_MS);
    }
  }
}
