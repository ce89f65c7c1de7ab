// Rate limits, counted in the database across all processes.
import { Problem } from '../../protocol/problems.ts';
import { hmac } from '../crypto/derive.ts';
import { countEvent } from '../store/rateCounters.ts';
import type { Transaction } from '../store/store.ts';

/** Maximum number of events in each window of time. */
export interface RateLimit {
  /** Names the counter: two limits never share one. */
  readonly name: string;
  readonly max: number;
  readonly windowMs: number;
}

/**
 * Counts one event of a subject against a limit.
 *
 * @throws Problem `too_many_requests`
 */
export type RateLimitCheck = (transaction: Transaction, subject: string) => Promise<void>;

/** Maximum number of exhausted counters kept in memory, so that refusing further requests costs no write. */
const MAX_REMEMBERED = 10_000;

/** Counts events per subject and rejects those above a limit. */
export class RateLimiter {
  readonly #key: Uint8Array;
  readonly #clock: () => number;
  readonly #exhaustedUntil = new Map<string, number>();

  /** @param key 32 bytes */
  constructor(key: Uint8Array, clock: () => number) {
    this.#key = key;
    this.#clock = clock;
  }

  /**
   * Counts one event of a subject.
   *
   * @param subject to which the limit applies, such as an address; stored only as a keyed hash
   * @throws Problem `too_many_requests` with the seconds until the window ends
   */
  async consume(transaction: Transaction, limit: RateLimit, subject: string): Promise<void> {
    const now = this.#clock();
    const counter = `${limit.name} ${subject}`;
    this.#rejectKnown(counter, limit.windowMs, now);
    const windowStartedAt = now - (now % limit.windowMs);
    const count = await countEvent(transaction, hmac(this.#key, counter), windowStartedAt);
    if (count <= limit.max) return;
    const until = windowStartedAt + limit.windowMs;
    this.#remember(counter, until);
    throw tooManyRequests(until, now);
  }

  /**
   * Counts one event like {@link consume}.
   *
   * @returns false if the limit is exceeded
   */
  async tryConsume(transaction: Transaction, limit: RateLimit, subject: string): Promise<boolean> {
    try {
      await this.consume(transaction, limit, subject);
      return true;
    } catch (error) {
      if (error instanceof Problem && error.code === 'too_many_requests') return false;
      throw error;
    }
  }

  #rejectKnown(counter: string, windowMs: number, now: number): void {
    const until = this.#exhaustedUntil.get(counter);
    if (until === undefined) return;
    // An end further away than the window is long means that the clock was wrong, then or now.
    if (until > now && until <= now + windowMs) throw tooManyRequests(until, now);
    this.#exhaustedUntil.delete(counter);
  }

  #remember(counter: string, until: number): void {
    if (this.#exhaustedUntil.size >= MAX_REMEMBERED) this.#exhaustedUntil.clear();
    this.#exhaustedUntil.set(counter, until);
  }
}

function tooManyRequests(until: number, now: number): Problem {
  return new Problem('too_many_requests', { retryAfterSeconds: Math.max(1, Math.ceil((until - now) / 1000)) });
}
