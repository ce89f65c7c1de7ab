import { deleteExpired, type ExpiryTimes } from './expiry.ts';
import type { Store } from './store.ts';

/** Milliseconds between sweeps that found little. */
const SWEEP_INTERVAL = 10_000;
/** Milliseconds between sweeps while more is left: others get the store in between. */
const BUSY_INTERVAL = 50;
/** Rows of each kind in one sweep: some milliseconds of work. */
export const SWEEP_BATCH = 200;

/** Removes what has expired, a little at a time. */
export interface Sweeper {
  start(): void;
  /** Waits for a sweep that is under way. */
  stop(): Promise<void>;
}

/**
 * @param expiryTimes from the time of the sweep, in milliseconds since 1970, to what is kept no longer
 * @param onError told of a sweep that failed; the next one comes all the same
 */
export function createSweeper(
  store: Store,
  expiryTimes: (now: number) => ExpiryTimes,
  clock: () => number,
  onError: (error: unknown) => void,
): Sweeper {
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let stopped = false;

  function schedule(delay: number): void {
    if (stopped) return;
    timer = setTimeout(() => {
      running = sweep();
    }, delay);
    timer.unref();
  }

  async function sweep(): Promise<void> {
    try {
      const most = await store.transaction((tx) => deleteExpired(tx, expiryTimes(clock()), SWEEP_BATCH));
      schedule(most < SWEEP_BATCH ? SWEEP_INTERVAL : BUSY_INTERVAL);
    } catch (error) {
      onError(error);
      schedule(SWEEP_INTERVAL);
    }
  }

  return {
    start: () => schedule(SWEEP_INTERVAL),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
