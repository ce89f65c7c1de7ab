// A semaphore with a bounded queue.
import { Problem } from '../../protocol/problems.ts';

const RETRY_AFTER_SECONDS = 2;

/** Runs a bounded number of pieces of work at once; a bounded number of others waits, in the order of the calls. */
export class Semaphore {
  readonly #concurrency: number;
  readonly #queueLimit: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(concurrency: number, queueLimit: number) {
    this.#concurrency = concurrency;
    this.#queueLimit = queueLimit;
  }

  /** @throws Problem `overloaded` if the queue is full */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#concurrency) this.#running += 1;
    else await this.#waitForSlot();
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  #waitForSlot(): Promise<void> {
    if (this.#waiting.length >= this.#queueLimit) {
      throw new Problem('overloaded', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Passes the slot on without freeing it while others wait, so that new calls cannot jump the queue. */
  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running -= 1;
  }
}
