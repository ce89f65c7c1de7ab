// Queries of names that are not given to another user.
import type { Transaction } from './store.ts';
import type { User } from './users.ts';

/**
 * Keeps the names of a user who is about to be deleted from being given to another one. The rows no longer refer to the user.
 *
 * @param releasedAt milliseconds since 1970
 */
export async function retainName(
  { db }: Transaction,
  { user_id, username, username_key }: Pick<User, 'user_id' | 'username' | 'username_key'>,
  releasedAt: number,
): Promise<void> {
  await db.updateTable('former_names').set({ user_id: null }).where('user_id', '=', user_id).execute();
  await db
    .insertInto('former_names')
    .values({ username_key, user_id: null, username, released_at: releasedAt })
    // The user may have had the name before, and again.
    .onConflict((conflict) => conflict.column('username_key').doUpdateSet({ user_id: null, released_at: releasedAt }))
    .execute();
}

/** Reports whether a name belonged to a user who was deleted. */
export async function isNameRetained({ db }: Transaction, usernameKey: string): Promise<boolean> {
  const row = await db
    .selectFrom('former_names')
    .select('username_key')
    .where('username_key', '=', usernameKey)
    .where('user_id', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
}
