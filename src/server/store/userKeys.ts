import type { NewRow, Row } from './schema.ts';
import type { Transaction } from './store.ts';

export type UserKeyRow = Row<'user_keys'>;

/** @returns all versions of a user's message key, the newest first */
export async function findUserKeys({ db }: Transaction, userId: Uint8Array): Promise<UserKeyRow[]> {
  return db.selectFrom('user_keys').selectAll().where('user_id', '=', userId).orderBy('version', 'desc').execute();
}

/** Does nothing if the version exists: the first to make it wins. */
export async function insertUserKey({ db }: Transaction, key: NewRow<'user_keys'>): Promise<void> {
  await db
    .insertInto('user_keys')
    .values(key)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
