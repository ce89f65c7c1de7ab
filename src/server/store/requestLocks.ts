import type { Row } from './schema.ts';
import type { Transaction } from './store.ts';

/**
 * RequestLocks a request for one worker, so that its copies wait instead of being executed beside it.
 *
 * @returns false if somebody else holds a lock whose lease has not ended
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

/** Lets a lock hold on. Does nothing if it was lost. */
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

/** @returns false if the lock was lost to somebody else */
export async function releaseRequestLock({ db }: Transaction, lock: Row<'request_locks'>): Promise<boolean> {
  const result = await db
    .deleteFrom('request_locks')
    .where('step_id', '=', lock.step_id)
    .where('request_hash', '=', lock.request_hash)
    .where('lock_token', '=', lock.lock_token)
    .executeTakeFirst();
  return result.numDeletedRows === 1n;
}
