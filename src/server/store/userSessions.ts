// Queries of the sessions of a user.
import { deleteLabels, deleteOtherLabels } from './sessionLabels.ts';
import { excludeRequestsOfUser } from './sessionSteps.ts';
import type { Transaction } from './store.ts';

/** Sessions that one login ends at most. There are more only if an earlier version, which had no limit, left them. */
const SURPLUS_LIMIT = 100;

/** A session in which a user is logged in, aggregated over its steps. */
interface UserSession {
  readonly session_id: Uint8Array;
  readonly suite: number;
  readonly started_at: number;
  readonly last_used_at: number;
}

/** @returns the sessions of a user that were used after the given time, the last used first */
export async function findSessionsOfUser(
  tx: Transaction,
  userId: Uint8Array,
  usedSince: number,
  limit: number,
): Promise<UserSession[]> {
  return tx.db
    .selectFrom('session_steps')
    .select(({ fn }) => [
      'session_id',
      'suite',
      fn.max('started_at').as('started_at'),
      fn.max('last_used_at').as('last_used_at'),
    ])
    .where('session_id', 'in', sessionIdsOf(tx, userId))
    .groupBy(['session_id', 'suite'])
    .having(({ fn }) => fn.max('last_used_at'), '>', usedSince)
    .orderBy('last_used_at', 'desc')
    .limit(limit)
    .execute();
}

/** @returns false if the user is not logged in in that session; nothing is deleted then */
export async function deleteSessionOfUser(
  tx: Transaction,
  userId: Uint8Array,
  sessionId: Uint8Array,
): Promise<boolean> {
  await excludeRequestsOfUser(tx, userId);
  const { numDeletedRows } = await tx.db
    .deleteFrom('session_steps')
    .where('session_id', '=', sessionId)
    .where('session_id', 'in', sessionIdsOf(tx, userId))
    .executeTakeFirst();
  if (numDeletedRows > 0n) await deleteLabels(tx, [sessionId]);
  return numDeletedRows > 0n;
}

/** Logs a session out at every step. */
export async function forgetUserOfSession(tx: Transaction, sessionId: Uint8Array): Promise<void> {
  await deleteLabels(tx, [sessionId]);
  await tx.db
    .updateTable('session_steps')
    .set({ user_id: null, recovery_id: null })
    .where('session_id', '=', sessionId)
    .execute();
}

/** Deletes every session in which a user is logged in, except one. */
export async function deleteOtherSessionsOfUser(
  tx: Transaction,
  userId: Uint8Array,
  exceptSessionId: Uint8Array,
): Promise<void> {
  await excludeRequestsOfUser(tx, userId);
  await tx.db
    .deleteFrom('session_steps')
    .where('session_id', 'in', sessionIdsOf(tx, userId))
    .where('session_id', '!=', exceptSessionId)
    .execute();
  await deleteOtherLabels(tx, userId, exceptSessionId);
}

/** Deletes the sessions of a user beyond a number, the least recently used first; `ownSessionId` neither counts nor ends. */
export async function keepLastUsedSessions(
  tx: Transaction,
  userId: Uint8Array,
  ownSessionId: Uint8Array,
  count: number,
): Promise<void> {
  await excludeRequestsOfUser(tx, userId);
  const surplus = await tx.db
    .selectFrom('session_steps')
    .select('session_id')
    .where('user_id', '=', userId)
    .where('session_id', '!=', ownSessionId)
    .groupBy('session_id')
    .orderBy(({ fn }) => fn.max('last_used_at'), 'desc')
    .limit(SURPLUS_LIMIT)
    .offset(count)
    .execute();
  if (surplus.length === 0) return;
  const ids = surplus.map(({ session_id }) => session_id);
  await tx.db.deleteFrom('session_steps').where('session_id', 'in', ids).execute();
  await deleteLabels(tx, ids);
}

/** Subquery of the sessions in which a user is logged in at any step. */
function sessionIdsOf({ db }: Transaction, userId: Uint8Array) {
  return db.selectFrom('session_steps').select('session_id').where('user_id', '=', userId);
}
