// The delay between attempts to send an email.
/** Delay before the second attempt; doubles with each further one. */
const FIRST_RETRY_DELAY_MS = 4_000;
const MAX_RETRY_DELAY_MS = 60_000;

/**
 * Returns the delay after a failed attempt in milliseconds: exponential with jitter between half and all of it, so that
 * emails that failed together are not retried together.
 *
 * @param attempts number of failed ones, at least 1
 * @param random from 0 to below 1
 */
export function retryDelayMs(attempts: number, random: number): number {
  const delay = Math.min(FIRST_RETRY_DELAY_MS * 2 ** (attempts - 1), MAX_RETRY_DELAY_MS);
  return delay * (0.5 + random / 2);
}
