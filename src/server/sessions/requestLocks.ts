// Request locks: copies of a request that take long to prepare wait for the first of them.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from '../../protocol/problems.ts';
import {
  abandonRequestLock,
  acquireRequestLock,
  noteAttempt,
  type RequestLock,
  releaseRequestLock,
  renewRequestLock,
} from '../store/requestLocks.ts';
import type { Store, Transaction } from '../store/store.ts';

/** Time that a lock outlives an owner that crashed, and so the longest wait of a client that retries. */
export const REQUEST_LOCK_LEASE_MS = 3_000;
export const RENEWAL_INTERVAL_MS = 1_000;
/** Pause between two attempts to acquire a lock that another process holds. */
const POLL_INTERVAL_MS = 25;
const TOKEN_LENGTH = 16;

export type { RequestLock };

/** The locks that this process holds, over the table that it shares with other processes. */
export class RequestLocks {
  readonly #store: Store;
  readonly #clock: () => number;
  readonly #held = new Map<
    string,
    { lock: RequestLock; released: PromiseWithResolvers<void>; renewal: NodeJS.Timeout }
  >();

  constructor(store: Store, clock: () => number) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @returns undefined if another copy of the request is being executed */
  async acquire(tx: Transaction, stepId: Uint8Array, requestHash: Uint8Array): Promise<RequestLock | undefined> {
    const now = this.#clock();
    const lock: RequestLock = {
      step_id: stepId,
      request_hash: requestHash,
      lock_token: randomBytes(TOKEN_LENGTH),
      lease_until: now + REQUEST_LOCK_LEASE_MS,
    };
    return (await acquireRequestLock(tx, lock, now)) ? lock : undefined;
  }

  /** Renews a lock from now on, and lets copies wait for it. Call once its acquisition is durable. */
  hold(lock: RequestLock): void {
    const name = nameOf(lock.request_hash);
    this.#drop(name);
    const renewal = setInterval(() => this.#renew(lock), RENEWAL_INTERVAL_MS).unref();
    this.#held.set(name, { lock, released: Promise.withResolvers<void>(), renewal });
  }

  /** Waits until the lock of a request may be free. */
  async wait(requestHash: Uint8Array): Promise<void> {
    await (this.#held.get(nameOf(requestHash))?.released.promise ?? delay(POLL_INTERVAL_MS));
  }

  /**
   * Releases a lock as part of a transaction.
   *
   * @returns false if the lock was lost, so that another copy may be executed
   */
  async release(tx: Transaction, lock: RequestLock): Promise<boolean> {
    return releaseRequestLock(tx, lock);
  }

  /**
   * Claims the right to count the password attempt of a request, in the transaction that counts it. A process that stalls
   * loses its lock, and the request is executed again.
   *
   * @returns false if an earlier execution of the request counted the attempt
   * @throws Problem `overloaded` if the lock was lost
   */
  async claimAttempt(tx: Transaction, lock: RequestLock): Promise<boolean> {
    const isFirst = await noteAttempt(tx, lock);
    if (isFirst === undefined) throw new Problem('overloaded', { retryAfterSeconds: 1 });
    return isFirst;
  }

  /** Wakes the copies that wait in this process. Call once the release is durable. */
  wake(lock: RequestLock): void {
    const name = nameOf(lock.request_hash);
    // Another copy of the request may have taken over a lock that was lost.
    if (this.#held.get(name)?.lock === lock) this.#drop(name);
  }

  /** Releases the lock of a request that failed, and wakes the copies that wait; may follow a release. */
  async abandon(lock: RequestLock): Promise<void> {
    try {
      await this.#store.transaction((tx) => abandonRequestLock(tx, lock, this.#clock()));
    } catch {
      // The database is unavailable: the lease expires by itself.
    } finally {
      this.wake(lock);
    }
  }

  #drop(name: string): void {
    const entry = this.#held.get(name);
    if (!entry) return;
    clearInterval(entry.renewal);
    this.#held.delete(name);
    entry.released.resolve();
  }

  async #renew(lock: RequestLock): Promise<void> {
    try {
      await this.#store.transaction((tx) => renewRequestLock(tx, lock, this.#clock() + REQUEST_LOCK_LEASE_MS));
    } catch {
      // The database is unavailable: if it stays so, the lock is lost, which release() reports.
    }
  }
}

function nameOf(requestHash: Uint8Array): string {
  return Buffer.from(requestHash).toString('hex');
}
