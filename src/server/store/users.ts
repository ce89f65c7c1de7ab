// Queries of users.
import { prepared } from './prepared.ts';
import type { NewRow, Row } from './schema.ts';
import type { Transaction } from './store.ts';

export type User = Row<'users'>;

export async function findUserById({ db }: Transaction, userId: Uint8Array): Promise<User | undefined> {
  return db.selectFrom('users').selectAll().where('user_id', '=', userId).executeTakeFirst();
}

/** Finds a user, and prevents other transactions from changing the account until this one ends. */
export async function findUserForUpdate({ engine, db }: Transaction, userId: Uint8Array): Promise<User | undefined> {
  return db
    .selectFrom('users')
    .selectAll()
    .where('user_id', '=', userId)
    .$if(engine === 'postgres', (query) => query.forNoKeyUpdate())
    .executeTakeFirst();
}

export async function findUserByEmail({ db }: Transaction, emailKey: string): Promise<User | undefined> {
  return db.selectFrom('users').selectAll().where('email_key', '=', emailKey).executeTakeFirst();
}

/** @returns the hashes of a number of users after the given one, in the order of their ids */
export async function findPasswordHashes(
  { db }: Transaction,
  afterUserId: Uint8Array,
  limit: number,
): Promise<Pick<User, 'user_id' | 'password_hash'>[]> {
  return db
    .selectFrom('users')
    .select(['user_id', 'password_hash'])
    .where('user_id', '>', afterUserId)
    .orderBy('user_id')
    .limit(limit)
    .execute();
}

const idByUsername = prepared(['username_key'], ({ db }, { username_key }: Pick<User, 'username_key'>) =>
  db.selectFrom('users').select('user_id').where('username_key', '=', username_key),
);

export async function findUserIdByUsername(tx: Transaction, usernameKey: string): Promise<Uint8Array | undefined> {
  return (await idByUsername(tx, { username_key: usernameKey })).rows[0]?.user_id;
}

/** @returns false, without a write, if the name or the address is taken */
export async function insertUser({ db }: Transaction, user: NewRow<'users'>): Promise<boolean> {
  const inserted = await db
    .insertInto('users')
    .values(user)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return inserted.numInsertedOrUpdatedRows === 1n;
}

/** @returns false, without a write, if another user has the name */
export async function updateUsername(
  tx: Transaction,
  userId: Uint8Array,
  name: Pick<User, 'username' | 'username_key'>,
): Promise<boolean> {
  return updateUnlessTaken(tx, userId, name, 'username_key', name.username_key);
}

/** Updates a user in one statement, unless another user has the key. */
async function updateUnlessTaken(
  { db }: Transaction,
  userId: Uint8Array,
  values: Partial<User>,
  column: 'username_key' | 'email_key',
  key: string,
): Promise<boolean> {
  const result = await db
    .updateTable('users')
    .set(values)
    .where('user_id', '=', userId)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('users as other')
            .select('other.user_id')
            .where(`other.${column}`, '=', key)
            .where('other.user_id', '!=', userId),
        ),
      ),
    )
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function updatePasswordHash({ db }: Transaction, userId: Uint8Array, passwordHash: string): Promise<void> {
  await db.updateTable('users').set({ password_hash: passwordHash }).where('user_id', '=', userId).execute();
}

/** @returns false, without a write, if another user has the address */
export async function updateEmail(
  tx: Transaction,
  userId: Uint8Array,
  address: Pick<User, 'email' | 'email_key' | 'email_verified_at'>,
): Promise<boolean> {
  return updateUnlessTaken(tx, userId, address, 'email_key', address.email_key);
}

/** Records that a code from its mailbox confirmed the address. */
export async function verifyEmail({ db }: Transaction, userId: Uint8Array, now: number): Promise<void> {
  await db.updateTable('users').set({ email_verified_at: now }).where('user_id', '=', userId).execute();
}

export async function updateLoginNotices({ db }: Transaction, userId: Uint8Array, notices: number): Promise<void> {
  await db.updateTable('users').set({ login_notices: notices }).where('user_id', '=', userId).execute();
}

/**
 * Also deletes what refers to the user: keys, recoveries, steps of sessions, labels, a pending email change, and messages for
 * them, whose bodies are erased.
 */
export async function deleteUser({ db, secureDelete }: Transaction, userId: Uint8Array): Promise<void> {
  await secureDelete(() => db.deleteFrom('users').where('user_id', '=', userId).execute());
}

/** Rejects further logins with a suite older than this one. */
export async function raiseMinSuite({ db }: Transaction, userId: Uint8Array, suite: number): Promise<void> {
  await db
    .updateTable('users')
    .set({ min_suite: suite })
    .where('user_id', '=', userId)
    .where('min_suite', '<', suite)
    .execute();
}

/** Replaces the hash only if it is still the one that was read: a password changed in between wins. */
export async function replacePasswordHash(
  { db }: Transaction,
  userId: Uint8Array,
  was: string,
  becomes: string,
): Promise<void> {
  await db
    .updateTable('users')
    .set({ password_hash: becomes })
    .where('user_id', '=', userId)
    .where('password_hash', '=', was)
    .execute();
}
