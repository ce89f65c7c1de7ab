// Deletes expired rows at intervals.
import { deleteExpired, type ExpiryTimes } from './expiry.ts';
import type { Store } from './store.ts';

/** Interval between sweeps that found little. */
const SWEEP_INTERVAL_MS = 10_000;
/** Interval between sweeps while expired rows remain, so that other work gets the store in between. */
const BUSY_INTERVAL_MS = 50;
/** Rows of each kind in one sweep: some milliseconds of work. */
export const SWEEP_BATCH = 200;

/** Number of sweeps, ten minutes, after which an erasure that other processes prevent is reported, and reported again. */
export const STUCK_SWEEPS = 60;

/** Receives the reports of the sweeper, which continues after them. */
export interface SweeperReports {
  /** Receives the error of a sweep that failed. */
  error(error: unknown): void;
  /** Other processes have kept erased content in the write-ahead log for minutes. */
  stuckLog(): void;
}

/** Deletes what has expired, a bounded number of rows at a time, and removes erased content from the write-ahead log. */
export class Sweeper {
  readonly #store: Store;
  readonly #expiryTimes: (now: number) => ExpiryTimes;
  readonly #clock: () => number;
  readonly #report: SweeperReports;
  #failedTruncations = 0;
  #timer: NodeJS.Timeout | undefined;
  #running = Promise.resolve();
  #stopped = false;

  /**
   * @param expiryTimes maps the time of the sweep, in milliseconds since 1970, to the times up to which rows are deleted
   */
  constructor(store: Store, expiryTimes: (now: number) => ExpiryTimes, clock: () => number, report: SweeperReports) {
    this.#store = store;
    this.#expiryTimes = expiryTimes;
    this.#clock = clock;
    this.#report = report;
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
      const isDone = most < SWEEP_BATCH;
      if (isDone) await this.#truncateLog();
      this.#schedule(isDone ? SWEEP_INTERVAL_MS : BUSY_INTERVAL_MS);
    } catch (error) {
      this.#report.error(error);
      this.#schedule(SWEEP_INTERVAL_MS);
    }
  }
  async #truncateLog(): Promise<void> {
    this.#failedTruncations = (await this.#store.truncateLog()) ? 0 : this.#failedTruncations + 1;
    if (this.#failedTruncations > 0 && this.#failedTruncations % STUCK_SWEEPS === 0) this.#report.stuckLog();
  }
}
