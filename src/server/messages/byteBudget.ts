// Limits the bytes of stored messages by sums that are read from the database now and then.
import type { Transaction } from '../store/store.ts';
import { sumBodies } from '../store/tokenMessages.ts';

/** Time after which a sum is read again. */
const MAX_AGE_MS = 30_000;
/** Subjects whose sums are remembered. */
const MAX_SUBJECTS = 10_000;

export interface ByteBudgetDependencies {
  readonly maxBytes: number;
  /** Reads the sum of a subject. */
  readonly sum: (transaction: Transaction, subject: Uint8Array) => Promise<number>;
  readonly clock: () => number;
}

/** An approximate limit: in between, it counts only what this process adds. */
export class ByteBudget {
  readonly #maxBytes: number;
  readonly #sum: ByteBudgetDependencies['sum'];
  readonly #clock: () => number;
  readonly #sums = new Map<string, { bytes: number; readonly readAt: number }>();

  constructor({ maxBytes, sum, clock }: ByteBudgetDependencies) {
    this.#maxBytes = maxBytes;
    this.#sum = sum;
    this.#clock = clock;
  }

  /**
   * Counts bytes that the transaction adds.
   *
   * @returns false if they would exceed the budget of the subject
   */
  async reserve(transaction: Transaction, subject: Uint8Array, bytes: number): Promise<boolean> {
    const key = Buffer.from(subject).toString('hex');
    const now = this.#clock();
    let known = this.#sums.get(key);
    if (!known || Math.abs(now - known.readAt) >= MAX_AGE_MS) {
      known = { bytes: await this.#sum(transaction, subject), readAt: now };
      if (this.#sums.size >= MAX_SUBJECTS) this.#sums.clear();
      this.#sums.set(key, known);
    }
    const sum = known;
    if (sum.bytes + bytes > this.#maxBytes) return false;
    transaction.afterCommit(() => {
      sum.bytes += bytes;
    });
    return true;
  }
}

/**
 * Creates the budget of all stored messages together.
 *
 * @returns a function that reserves bytes
 */
export function createSpaceBudget(
  maxBytes: number,
  clock: () => number,
): (transaction: Transaction, bytes: number) => Promise<boolean> {
  const budget = new ByteBudget({ maxBytes, sum: sumBodies, clock });
  const everyone = new Uint8Array();
  return (transaction, bytes) => budget.reserve(transaction, everyone, bytes);
}
