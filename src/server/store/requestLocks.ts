// Queries of request locks.
import type { Row } from './schema.ts';
import type { Transaction } from './store.ts';

/**
 * Locks a request for one worker, so that its copies wait instead of being executed concurrently.
 *
 * @returns false if another worker has a lock whose lease has not expired
 */
export async function acquireRequestLock(
  { db }: Transaction,
  lock: Row<'request_locks'>,
  now: number,
): Promise<boolean> {
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
export async function renewRequestLock(
  { db }: Transaction,
  lock: Row<'request_locks'>,
  leaseUntil: number,
): Promise<void> {
  await db
    .updateTable('request_locks')
    .set({ lease_until: leaseUntil })
    .where('step_id', '=', lock.step_id)
    .where('request_hash', '=', lock.request_hash)
    .where('lock_token', '=', lock.lock_token)
    .execute();
}

/** @returns false if the lock was lost to another worker */
export async function releaseRequestLock({ db }: Transaction, lock: Row<'request_locks'>): Promise<boolean> {
  const result = await db
    .deleteFrom('request_locks')
    .where('step_id', '=', lock.step_id)
    .where('request_hash', '=', lock.request_hash)
    .where('lock_token', '=', lock.lock_token)
    .executeTakeFirst();
  return result.numDeletedRows === 1n;
}
