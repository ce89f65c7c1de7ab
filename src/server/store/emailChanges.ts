// Queries of email changes that wait for their code.
import type { NewRow, Row } from './schema.ts';
import type { Transaction } from './store.ts';

export type EmailChange = Row<'email_changes'>;

/** Replaces the user's earlier change. */
export async function upsertEmailChange({ db }: Transaction, change: NewRow<'email_changes'>): Promise<void> {
  await db
    .insertInto('email_changes')
    .values(change)
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(change))
    .execute();
}

/** @returns the change including this try, or undefined if it accepts no more codes */
export async function countEmailChangeTry(
  { db }: Transaction,
  userId: Uint8Array,
  now: number,
  maxTries: number,
): Promise<EmailChange | undefined> {
  return db
    .updateTable('email_changes')
    .set((eb) => ({ tries: eb('tries', '+', 1) }))
    .where('user_id', '=', userId)
    .where('tries', '<', maxTries)
    .where('expires_at', '>', now)
    .returningAll()
    .executeTakeFirst();
}

export async function deleteEmailChange({ db }: Transaction, userId: Uint8Array): Promise<void> {
  await db.deleteFrom('email_changes').where('user_id', '=', userId).execute();
}
