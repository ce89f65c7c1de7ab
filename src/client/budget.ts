import { VwsError } from './error.ts';
import type { CallOptions, Clock } from './options.ts';

const DEFAULT_DEADLINE = 60_000;

/** The time that a call may take. */
export interface Budget {
  /** Aborted when the time is up or the caller stops waiting; the reason is the error to report. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Milliseconds. */
  remaining(): number;
  /** The same as the promise, but rejects as soon as the signal is aborted. */
  race<T>(promise: Promise<T>): Promise<T>;
  /** Awaits somebody who may take their time: the whole time is there again afterwards. */
  pausing<T>(action: () => Promise<T>): Promise<T>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  wait: (milliseconds, signal) =>
    new Promise((resolve) => {
      const cancel = systemClock.startTimer(() => {
        // The signal lives as long as the call, which may pause many times.
        signal.removeEventListener('abort', cancel);
        resolve(undefined);
      }, milliseconds);
      // A timer that is left would keep a process from ending.
      signal.addEventListener('abort', cancel);
    }),
  startTimer(callback, milliseconds) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** @throws {VwsError} `aborted` or `deadline`, and whatever the task throws */
export async function withBudget<T>(
  { signal, deadline = DEFAULT_DEADLINE }: CallOptions,
  clock: Clock,
  task: (budget: Budget) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const stop = () => ending.abort(new VwsError('aborted', 'The call was aborted.', { cause: signal?.reason }));
  const runOut = () => ending.abort(new VwsError('deadline', 'The time for the call is up.'));
  const ended = rejection(ending.signal);
  let endsAt = 0;
  let cancel = () => {};
  const startTimer = () => {
    endsAt = clock.now() + deadline;
    cancel = clock.startTimer(runOut, deadline);
  };

  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  startTimer();
  try {
    ending.signal.throwIfAborted();
    return await task({
      signal: ending.signal,
      clock,
      remaining: () => endsAt - clock.now(),
      race: (promise) => Promise.race([promise, ended]),
      async pausing(action) {
        cancel();
        try {
          return await action();
        } finally {
          startTimer();
        }
      },
    });
  } finally {
    cancel();
    signal?.removeEventListener('abort', stop);
  }
}

/** Rejects with the reason when the signal is aborted; nobody needs to listen. */
export function rejection(signal: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
  promise.catch(() => {});
  return promise;
}
