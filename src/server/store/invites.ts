// Queries of invites.
import type { NewRow } from './schema.ts';
import type { Transaction } from './store.ts';

export async function insertInvite({ db }: Transaction, invite: NewRow<'invites'>): Promise<void> {
  await db.insertInto('invites').values(invite).execute();
}

export async function isInviteValid({ db }: Transaction, codeHash: Uint8Array, now: number): Promise<boolean> {
  const row = await db
    .selectFrom('invites')
    .select('expires_at')
    .where('code_hash', '=', codeHash)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Uses an invite up.
 *
 * @returns false if it was used or has expired
 */
export async function consumeInvite({ db }: Transaction, codeHash: Uint8Array, now: number): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('invites')
    .where('code_hash', '=', codeHash)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return numDeletedRows === 1n;
}
