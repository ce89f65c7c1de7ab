// Ends, erases and deletes token messages.
import { sql } from 'kysely';
import type { Transaction } from './store.ts';
import { ENDED_BY } from './tokenMessages.ts';

/** The time of the end as the sender may know it: the same text as in the index. */
const shownEnd = sql<number>`(CASE WHEN receipt = 0 AND ended_by IN (2, 4) THEN expires_at ELSE ended_at END)`;

/** When messages end and are erased, in milliseconds since 1970. */
export interface MessageExpiry {
  readonly now: number;
  /** Ends at or before this time are deleted. */
  readonly endsShownUntil: number;
}

/**
 * Ends expired messages, erases the bodies of ended ones and deletes those that ended long ago: a bounded number of each.
 *
 * @returns the largest of the three numbers
 */
export async function sweepTokenMessages(
  tx: Transaction,
  { now, endsShownUntil }: MessageExpiry,
  limit: number,
): Promise<number> {
  const { db } = tx;
  const ids = db.selectFrom('token_messages').select('message_id').limit(limit);
  const expired = ids.where('ended_at', 'is', null).where('expires_at', '<=', now);
  const erasable = ids
    .where('ended_at', 'is not', null)
    .where('sealed_body', 'is not', null)
    .where((eb) => eb.or([eb('keep_body_until', 'is', null), eb('keep_body_until', '<=', now)]));
  const forgotten = ids
    .where('ended_at', 'is not', null)
    .where(shownEnd, '<=', endsShownUntil)
    .where('sealed_body', 'is', null);
  return tx.secureDelete(async () => {
    const ended = await db
      .updateTable('token_messages')
      .set((eb) => ({ ended_at: eb.ref('expires_at'), ended_by: ENDED_BY.time }))
      .where('message_id', 'in', expired)
      .executeTakeFirst();
    const erased = await db
      .updateTable('token_messages')
      .set({ sealed_body: null, keep_body_until: null })
      .where('message_id', 'in', erasable)
      .executeTakeFirst();
    const deleted = await db.deleteFrom('token_messages').where('message_id', 'in', forgotten).executeTakeFirst();
    return Number(
      [ended.numUpdatedRows, erased.numUpdatedRows, deleted.numDeletedRows].reduce((a, b) => (a > b ? a : b)),
    );
  });
}
