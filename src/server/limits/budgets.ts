/** Budgets per subject that refill continuously, counted in the database across all processes. */
import { hmac } from '../crypto/derive.ts';
import { isBudgetUsedUp, refundBudget, resetBudget, spendBudget } from '../store/budgets.ts';
import type { Transaction } from '../store/store.ts';

/** Number of uses that refill in a period of time. */
export interface BudgetSize {
  /** Two budgets never share a name. */
  readonly name: string;
  readonly max: number;
  readonly periodMs: number;
}

/** Unlike a rate limit, a budget can be refunded, and after it was used up the next use is possible soon. */
export class Budget {
  /** Time in which one use refills, rounded up. */
  readonly retryAfterSeconds: number;
  readonly #size: BudgetSize;
  readonly #intervalMs: number;
  readonly #key: Uint8Array;
  readonly #clock: () => number;

  /** @param key 32 bytes */
  constructor(size: BudgetSize, key: Uint8Array, clock: () => number) {
    this.#size = size;
    this.#intervalMs = Math.max(1, Math.floor(size.periodMs / size.max));
    this.retryAfterSeconds = Math.ceil(this.#intervalMs / 1000);
    this.#key = key;
    this.#clock = clock;
  }

  /**
   * Uses the budget of a subject once.
   *
   * @param subject stored only as a keyed hash
   * @returns false, without a write, if it is used up
   */
  spend(transaction: Transaction, subject: string | Uint8Array): Promise<boolean> {
    return spendBudget(transaction, this.#keyOf(subject), this.#clock(), this.#intervalMs, this.#size.periodMs);
  }

  /** Reports whether a use would be refused. */
  isUsedUp(transaction: Transaction, subject: string | Uint8Array): Promise<boolean> {
    return isBudgetUsedUp(transaction, this.#keyOf(subject), this.#clock(), this.#intervalMs, this.#size.periodMs);
  }

  /** Takes one use back. */
  refund(transaction: Transaction, subject: string | Uint8Array): Promise<void> {
    return refundBudget(transaction, this.#keyOf(subject), this.#intervalMs);
  }

  /** Refills the budget of a subject. */
  reset(transaction: Transaction, subject: string | Uint8Array): Promise<void> {
    return resetBudget(transaction, this.#keyOf(subject));
  }

  #keyOf(subject: string | Uint8Array): Uint8Array {
    return hmac(this.#key, `${this.#size.name}\0`, subject);
  }
}
