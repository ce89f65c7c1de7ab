// Queries of session labels.
import type { NewRow } from './schema.ts';
import type { Transaction } from './store.ts';

export async function upsertLabel({ db }: Transaction, label: NewRow<'session_labels'>): Promise<void> {
  await db
    .insertInto('session_labels')
    .values(label)
    .onConflict((conflict) => conflict.column('session_id').doUpdateSet(label))
    .execute();
}

/** @returns the labels of a user's sessions; some of these may have ended */
export async function findLabels(
  { db }: Transaction,
  userId: Uint8Array,
): Promise<{ readonly session_id: Uint8Array; readonly label: string }[]> {
  return db.selectFrom('session_labels').select(['session_id', 'label']).where('user_id', '=', userId).execute();
}

export async function deleteLabels({ db }: Transaction, sessionIds: readonly Uint8Array[]): Promise<void> {
  if (sessionIds.length > 0) await db.deleteFrom('session_labels').where('session_id', 'in', sessionIds).execute();
}

/** Deletes the labels of a user's sessions, except one. */
export async function deleteOtherLabels({ db }: Transaction, userId: Uint8Array, exceptSessionId: Uint8Array) {
  await db
    .deleteFrom('session_labels')
    .where('user_id', '=', userId)
    .where('session_id', '!=', exceptSessionId)
    .execute();
}
