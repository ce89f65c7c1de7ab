// Queries of account recoveries.
import type { NewRow, Row } from './schema.ts';
import type { Transaction } from './store.ts';

export type Recovery = Row<'recoveries'>;

export async function insertRecovery({ db }: Transaction, recovery: NewRow<'recoveries'>): Promise<void> {
  await db.insertInto('recoveries').values(recovery).execute();
}

/** @returns the recovery including this try, or undefined if it accepts no more codes */
export async function countRecoveryTry(
  { db }: Transaction,
  recoveryId: Uint8Array,
  now: number,
  maxTries: number,
): Promise<Recovery | undefined> {
  return db
    .updateTable('recoveries')
    .set((eb) => ({ tries: eb('tries', '+', 1) }))
    .where('recovery_id', '=', recoveryId)
    .where('confirmed_at', 'is', null)
    .where('tries', '<', maxTries)
    .where('expires_at', '>', now)
    .returningAll()
    .executeTakeFirst();
}

/**
 * Finds the code that was mailed last.
 *
 * @param userId of the account with this address; null if there is none
 * @returns the recovery that it was mailed for, if it accepts the code until after the given time
 */
export async function findLastMailedCode(
  { db }: Transaction,
  emailHash: Uint8Array,
  userId: Uint8Array | null,
  validAfter: number,
): Promise<Recovery | undefined> {
  return db
    .selectFrom('recoveries')
    .selectAll()
    .where('email_hash', '=', emailHash)
    .where('user_id', userId ? '=' : 'is', userId)
    .whereRef('code_id', '=', 'recovery_id')
    .where('confirmed_at', 'is', null)
    .where('expires_at', '>', validAfter)
    .orderBy('expires_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Deletes the other recoveries with the same code, which was used. */
export async function deleteRecoveriesWithCode(
  { db }: Transaction,
  { email_hash, code_id, recovery_id }: Recovery,
): Promise<void> {
  if (!email_hash || !code_id) return;
  await db
    .deleteFrom('recoveries')
    .where('email_hash', '=', email_hash)
    .where('code_id', '=', code_id)
    .where('recovery_id', '!=', recovery_id)
    .where('confirmed_at', 'is', null)
    .execute();
}

export async function confirmRecovery(
  { db }: Transaction,
  recoveryId: Uint8Array,
  now: number,
  expiresAt: number,
): Promise<void> {
  await db
    .updateTable('recoveries')
    .set({ confirmed_at: now, expires_at: expiresAt })
    .where('recovery_id', '=', recoveryId)
    .execute();
}

/** @returns the recovery, if its code was confirmed and it can still set a password */
export async function findConfirmedRecovery(
  { db }: Transaction,
  recoveryId: Uint8Array,
  now: number,
): Promise<Recovery | undefined> {
  return db
    .selectFrom('recoveries')
    .selectAll()
    .where('recovery_id', '=', recoveryId)
    .where('confirmed_at', 'is not', null)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst();
}

/**
 * Marks a confirmed recovery as used.
 *
 * @returns false if it was already used or has expired
 */
export async function consumeRecovery({ db }: Transaction, recoveryId: Uint8Array, now: number): Promise<boolean> {
  const result = await db
    .updateTable('recoveries')
    .set({ used_at: now })
    .where('recovery_id', '=', recoveryId)
    .where('confirmed_at', 'is not', null)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Deletes the unused recoveries of a user, whose codes were for the old password. */
export async function deleteUnusedRecoveries({ db }: Transaction, userId: Uint8Array): Promise<void> {
  await db.deleteFrom('recoveries').where('user_id', '=', userId).where('used_at', 'is', null).execute();
}
