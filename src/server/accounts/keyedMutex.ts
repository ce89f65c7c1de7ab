// Mutual exclusion per key, with a bounded queue.
import { Problem } from '../../protocol/problems.ts';

const RETRY_AFTER_SECONDS = 1;

interface Queue {
  length: number;
  last: Promise<unknown>;
}

/** Runs work on the same key one at a time, in the order of the calls. */
export class KeyedMutex {
  readonly #maxQueueLength: number;
  readonly #queues = new Map<string, Queue>();

  /** @param maxQueueLength of one key, the running work included */
  constructor(maxQueueLength: number) {
    this.#maxQueueLength = maxQueueLength;
  }

  /** @throws Problem `overloaded` if the queue of the key is full */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(key) ?? { length: 0, last: Promise.resolve() };
    if (queue.length >= this.#maxQueueLength)
      throw new Problem('overloaded', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    this.#queues.set(key, queue);
    queue.length += 1;
    const turn = queue.last.then(work);
    queue.last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      queue.length -= 1;
      if (queue.length === 0) this.#queues.delete(key);
    }
  }
}
