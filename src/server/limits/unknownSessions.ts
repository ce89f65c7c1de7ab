// The limit on requests with unknown session keys, counted in memory so that requests in a session cost nothing more.
import { Problem } from '../../protocol/problems.ts';

const WINDOW_MS = 60_000;
/** Maximum number of addresses that are counted; more start a new window. */
const MAX_ADDRESSES = 100_000;

/** Counts requests with unknown session keys per address. */
export class UnknownSessions {
  readonly #max: number;
  readonly #clock: () => number;
  readonly #counts = new Map<string, number>();
  #windowEndsAt = 0;

  /**
   * @param max requests per minute and address
   * @param clock monotonic, in milliseconds
   */
  constructor(max: number, clock: () => number = () => performance.now()) {
    this.#max = max;
    this.#clock = clock;
  }

  /**
   * Counts a request of an address.
   *
   * @returns the problem to report: `session_not_found`, or `too_many_requests` beyond the limit
   */
  count(address: string): Problem {
    const now = this.#clock();
    if (this.isExhausted(address)) {
      return new Problem('too_many_requests', { retryAfterSeconds: Math.ceil((this.#windowEndsAt - now) / 1000) });
    }
    if (now >= this.#windowEndsAt || this.#counts.size >= MAX_ADDRESSES) {
      this.#counts.clear();
      this.#windowEndsAt = now + WINDOW_MS;
    }
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1);
    return new Problem('session_not_found');
  }

  /** Reports whether an address has reached the limit. Its sessions that exist must be served nevertheless. */
  isExhausted(address: string): boolean {
    return (this.#counts.get(address) ?? 0) >= this.#max && this.#clock() < this.#windowEndsAt;
  }
}
