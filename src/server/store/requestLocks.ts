// Queries of request locks.
import type { Row } from './schema.ts';
import type { Transaction } from './store.ts';

/** A lock as its owner knows it. */
export type RequestLock = Omit<Row<'request_locks'>, 'attempts'>;

/**
 * Locks a request for one worker, so that its copies wait instead of being executed concurrently.
 *
 * @returns false if another worker has a lock whose lease has not expired
 */
export async function acquireRequestLock({ db }: Transaction, lock: RequestLock, now: number): Promise<boolean> {
  const result = await db
    .insertInto('request_locks')
    .values(lock)
    .onConflict((conflict) =>
      conflict
        .columns(['step_id', 'request_hash'])
        .doUpdateSet({ lock_token: lock.lock_token, lease_until: lock.lease_until })
        .where('request_locks.lease_until', '<=', now),
    )
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** Extends the lease of a lock. Does nothing if the lock was lost. */
export async function renewRequestLock({ db }: Transaction, lock: RequestLock, leaseUntil: number): Promise<void> {
  await db
    .updateTable('request_locks')
    .set({ lease_until: leaseUntil })
    .where('step_id', '=', lock.step_id)
    .where('request_hash', '=', lock.request_hash)
    .where('lock_token', '=', lock.lock_token)
    .execute();
}

/** @returns false if the lock was lost to another worker */
export async function releaseRequestLock({ db }: Transaction, lock: RequestLock): Promise<boolean> {
  const result = await db
    .deleteFrom('request_locks')
    .where('step_id', '=', lock.step_id)
    .where('request_hash', '=', lock.request_hash)
    .where('lock_token', '=', lock.lock_token)
    .executeTakeFirst();
  return result.numDeletedRows === 1n;
}

/**
 * Frees a lock whose request failed, and keeps it if an attempt was counted.
 *
 * @param now from which on others may acquire the lock
 */
export async function abandonRequestLock({ db }: Transaction, lock: RequestLock, now: number): Promise<void> {
  const { step_id, request_hash, lock_token } = lock;
  await db
    .deleteFrom('request_locks')
    .where('step_id', '=', step_id)
    .where('request_hash', '=', request_hash)
    .where('lock_token', '=', lock_token)
    .where('attempts', '=', 0)
    .execute();
  await db
    .updateTable('request_locks')
    .set({ lease_until: now })
    .where('step_id', '=', step_id)
    .where('request_hash', '=', request_hash)
    .where('lock_token', '=', lock_token)
    .execute();
}

/**
 * Notes that the request of a lock is an attempt. The note survives a takeover of the lock.
 *
 * @returns true the first time, false if an earlier execution of the request did it, undefined if the lock was lost
 */
export async function noteAttempt({ db }: Transaction, lock: RequestLock): Promise<boolean | undefined> {
  const row = await db
    .updateTable('request_locks')
    .set((eb) => ({ attempts: eb('attempts', '+', 1) }))
    .where('step_id', '=', lock.step_id)
    .where('request_hash', '=', lock.request_hash)
    .where('lock_token', '=', lock.lock_token)
    .returning('attempts')
    .executeTakeFirst();
  return row && row.attempts === 1;
}
