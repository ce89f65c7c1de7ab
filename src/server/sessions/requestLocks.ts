import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { acquireRequestLock, releaseRequestLock, renewRequestLock } from '../store/requestLocks.ts';
import type { Row } from '../store/schema.ts';
import type { Store, Transaction } from '../store/store.ts';

/** How long a lock holds if its owner vanishes: so long, after a crash, a client waits that sends its request again. */
export const REQUEST_LOCK_LEASE_MS = 3_000;
/** How often an owner that is still at work renews its lease. */
export const RENEWAL_INTERVAL = 1_000;
/** How often the lock of another process is looked at again. */
const POLL_INTERVAL = 25;
const TOKEN_LENGTH = 16;

export type RequestLock = Row<'request_locks'>;

/** Makes copies of a request that take long to prepare wait for the first of them. */
export interface RequestLocks {
  /** @returns the lock, or undefined if another copy of the request is being executed */
  take(transaction: Transaction, stepId: Uint8Array, requestHash: Uint8Array): Promise<RequestLock | undefined>;
  /** To be called once the taking of the lock is durable: renews it from now on, and lets copies wait for its end. */
  begin(lock: RequestLock): void;
  /** Waits until the request may be free. */
  wait(requestHash: Uint8Array): Promise<void>;
  /** Gives a lock back as part of a transaction. @returns false if it was lost, so that another copy goes on */
  release(transaction: Transaction, lock: RequestLock): Promise<boolean>;
  /** Ends a lock that came to nothing and wakes those who wait in this process; it may have been released before. */
  end(lock: RequestLock): Promise<void>;
  /** Wakes those who wait in this process. */
  wake(lock: RequestLock): void;
}

export function createRequestLocks(store: Store, clock: () => number): RequestLocks {
  const held = new Map<string, { lock: RequestLock; done: PromiseWithResolvers<void>; renewal: NodeJS.Timeout }>();
  const nameOf = (requestHash: Uint8Array) => Buffer.from(requestHash).toString('hex');

  function drop(name: string): void {
    const entry = held.get(name);
    if (!entry) return;
    clearInterval(entry.renewal);
    held.delete(name);
    entry.done.resolve();
  }

  function wake(lock: RequestLock): void {
    const name = nameOf(lock.request_hash);
    // Whoever lost the lock has nothing to say of the one who took over.
    if (held.get(name)?.lock === lock) drop(name);
  }

  async function renew(lock: RequestLock): Promise<void> {
    try {
      await store.transaction((tx) => renewRequestLock(tx, lock, clock() + REQUEST_LOCK_LEASE_MS));
    } catch {
      // The database is away; if it stays so, the lock is lost, which release() finds out.
    }
  }

  return {
    async take(tx, stepId, requestHash) {
      const now = clock();
      const lock: RequestLock = {
        step_id: stepId,
        request_hash: requestHash,
        lock_token: randomBytes(TOKEN_LENGTH),
        lease_until: now + REQUEST_LOCK_LEASE_MS,
      };
      return (await acquireRequestLock(tx, lock, now)) ? lock : undefined;
    },
    begin(lock) {
      const name = nameOf(lock.request_hash);
      drop(name);
      const renewal = setInterval(() => renew(lock), RENEWAL_INTERVAL).unref();
      held.set(name, { lock, done: Promise.withResolvers<void>(), renewal });
    },
    async wait(requestHash) {
      await (held.get(nameOf(requestHash))?.done.promise ?? delay(POLL_INTERVAL));
    },
    release: (tx, lock) => releaseRequestLock(tx, lock),
    wake,
    async end(lock) {
      try {
        await store.transaction((tx) => releaseRequestLock(tx, lock));
      } catch {
        // The database is away. The lease ends by itself.
      } finally {
        wake(lock);
      }
    },
  };
}
