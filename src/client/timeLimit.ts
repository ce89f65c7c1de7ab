// The time limit and the abort signal of a call.
import { VwsError } from './error.ts';
import type { CallOptions, Clock } from './options.ts';

const DEFAULT_DEADLINE_MS = 60_000;

export const systemClock: Clock = {
  now: () => Date.now(),
  wait: (milliseconds, signal) =>
    new Promise((resolve) => {
      const cancel = systemClock.startTimer(() => {
        // The signal lasts as long as the call, which may wait many times.
        signal.removeEventListener('abort', cancel);
        resolve(undefined);
      }, milliseconds);
      // A remaining timer would keep a process from exiting.
      signal.addEventListener('abort', cancel);
    }),
  startTimer(callback, milliseconds) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** The remaining time of a call. */
export class TimeLimit {
  readonly clock: Clock;
  readonly #controller = new AbortController();
  readonly #aborted = rejection(this.#controller.signal);
  readonly #durationMs: number;
  #endsAt = 0;
  #cancelTimer = () => {};

  constructor(clock: Clock, durationMs: number) {
    this.clock = clock;
    this.#durationMs = durationMs;
    this.#startTimer();
  }

  /** Aborted when the time is up or the caller stops waiting. The reason is the error to report. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** @returns milliseconds */
  remaining(): number {
    return this.#endsAt - this.clock.now();
  }

  /** Resolves like the promise, or rejects as soon as the signal is aborted. */
  race<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#aborted]);
  }

  /** Waits for a user without a time limit. Afterwards, the complete time is available again. */
  async pausing<T>(action: () => Promise<T>): Promise<T> {
    this.#cancelTimer();
    try {
      return await action();
    } finally {
      this.#startTimer();
    }
  }

  abort(reason: VwsError): void {
    this.#controller.abort(reason);
  }

  /** Stops the timer. */
  end(): void {
    this.#cancelTimer();
  }

  #startTimer(): void {
    this.#endsAt = this.clock.now() + this.#durationMs;
    const runOut = () => this.abort(new VwsError('deadline', 'The deadline of the call has passed.'));
    this.#cancelTimer = this.clock.startTimer(runOut, this.#durationMs);
  }
}

/**
 * Runs a task with a time limit.
 *
 * @throws {VwsError} `aborted` or `deadline`, or whatever the task throws
 */
export async function withTimeLimit<T>(
  { signal, deadline = DEFAULT_DEADLINE_MS }: CallOptions,
  clock: Clock,
  task: (limit: TimeLimit) => Promise<T>,
): Promise<T> {
  const limit = new TimeLimit(clock, deadline);
  const stop = () => limit.abort(new VwsError('aborted', 'The call was aborted.', { cause: signal?.reason }));
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    limit.signal.throwIfAborted();
    return await task(limit);
  } finally {
    limit.end();
    signal?.removeEventListener('abort', stop);
  }
}

/** @returns a promise that rejects with the reason when the signal is aborted; it does not have to be handled */
export function rejection(signal: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
  promise.catch(() => {});
  return promise;
}
