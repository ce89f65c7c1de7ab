import { Problem } from '../../protocol/problems.ts';
import { hmac } from '../crypto/derive.ts';
import { countEvent } from '../store/rateCounters.ts';
import type { Transaction } from '../store/store.ts';

/** At most so many events in each window of time. */
export interface RateLimit {
  /** Names the counter: two limits never share one. */
  readonly name: string;
  readonly max: number;
  /** Milliseconds. */
  readonly window: number;
}

/** Counts one event of a subject against a limit. @throws Problem `too_many_requests` */
export type RateLimitCheck = (transaction: Transaction, subject: string) => Promise<void>;

export interface RateLimiter {
  /**
   * Counts one event of a subject, across all processes that share the database.
   *
   * @param subject whom the limit is for, such as an address: it is stored as a keyed hash only
   * @throws Problem `too_many_requests` with the seconds until the window ends
   */
  consume(transaction: Transaction, limit: RateLimit, subject: string): Promise<void>;
}

/** How many exhausted counters are remembered, so that refusing further requests costs no write. */
const MAX_REMEMBERED = 10_000;

/** @param key 32 bytes */
export function createRateLimiter(key: Uint8Array, clock: () => number): RateLimiter {
  const exhaustedUntil = new Map<string, number>();

  function refuse(until: number, now: number): never {
    throw new Problem('too_many_requests', { retryAfterSeconds: Math.max(1, Math.ceil((until - now) / 1000)) });
  }

  function remember(name: string, until: number): void {
    if (exhaustedUntil.size >= MAX_REMEMBERED) exhaustedUntil.clear();
    exhaustedUntil.set(name, until);
  }

  return {
    async consume(tx, limit, subject) {
      const now = clock();
      const counter = `${limit.name} ${subject}`;
      const known = exhaustedUntil.get(counter);
      if (known !== undefined) {
        // Further away than its window is long: the clock was wrong, then or now.
        if (known > now && known <= now + limit.window) refuse(known, now);
        exhaustedUntil.delete(counter);
      }
      const windowStartedAt = now - (now % limit.window);
      const count = await countEvent(tx, hmac(key, counter), windowStartedAt);
      if (count <= limit.max) return;
      remember(counter, windowStartedAt + limit.window);
      refuse(windowStartedAt + limit.window, now);
    },
  };
}
