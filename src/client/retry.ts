// Repeats requests without a response, with exponential backoff.
import { NoResponseError } from './suite.ts';
import type { TimeLimit } from './timeLimit.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Repeats an action until it succeeds or the time is up.
 *
 * @param action throws {@link NoResponseError} to be repeated; other errors are thrown at once
 * @throws {VwsError} the last reason for a missing response, when the time is up
 */
export async function retry<T>(limit: TimeLimit, action: () => Promise<T>): Promise<T> {
  let last: NoResponseError | undefined;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await action();
    } catch (thrown) {
      // The reason for the missing response is more useful than the deadline.
      if (!(thrown instanceof NoResponseError)) throw last && isDeadline(thrown) ? last.error : thrown;
      last = thrown;
    }
    const jittered = pause * (0.5 + Math.random() / 2);
    const wait = Math.max(jittered, (last.error.retryAfter ?? 0) * 1000);
    if (wait >= limit.remaining()) throw last.error;
    await limit.race(limit.clock.wait(wait, limit.signal)).catch((thrown) => {
      throw isDeadline(thrown) && last ? last.error : thrown;
    });
  }
}

function isDeadline(thrown: unknown): boolean {
  return (thrown as { code?: unknown }).code === 'deadline';
}
