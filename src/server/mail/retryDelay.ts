/** Before the first further attempt; doubled before each one after it. In milliseconds. */
const FIRST_RETRY_DELAY_MS = 4_000;
const MAX_RETRY_DELAY_MS = 60_000;

/**
 * How long to wait after a failed attempt, in milliseconds: exponential, between half of the delay and all of it, so
 * that mails that failed together do not come back together.
 *
 * @param attempts how many failed so far, at least 1
 * @param random from 0 to below 1
 */
export function retryDelayMs(attempts: number, random: number): number {
  const delay = Math.min(FIRST_RETRY_DELAY_MS * 2 ** (attempts - 1), MAX_RETRY_DELAY_MS);
  return delay * (0.5 + random / 2);
}
