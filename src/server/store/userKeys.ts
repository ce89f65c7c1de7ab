// Queries of the message keys of users.
import { prepared } from './prepared.ts';
import type { NewRow, Row } from './schema.ts';
import type { Transaction } from './store.ts';

export type UserKeyRow = Row<'user_keys'>;

const keysOfUser = prepared(['user_id'], ({ db }, { user_id }: Pick<UserKeyRow, 'user_id'>) =>
  db.selectFrom('user_keys').selectAll().where('user_id', '=', user_id).orderBy('version', 'desc'),
);

/** @returns all versions of a user's message key, the newest first */
export async function findUserKeys(tx: Transaction, userId: Uint8Array): Promise<UserKeyRow[]> {
  return (await keysOfUser(tx, { user_id: userId })).rows;
}

/** Inserts a version. Does nothing if it exists, so the first process wins. */
export async function insertUserKey({ db }: Transaction, key: NewRow<'user_keys'>): Promise<void> {
  await db
    .insertInto('user_keys')
    .values(key)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
