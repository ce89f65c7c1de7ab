// Queries of names: former ones, the history of each user, and the skeletons that keep names from looking alike.
import { prepared } from './prepared.ts';
import type { Transaction } from './store.ts';
import type { User } from './users.ts';

/** The keys under which a name is unique. */
export interface NameKeys {
  readonly usernameKey: string;
  readonly skeletons: readonly string[];
}

/** Reports whether a name, or one that looks alike, belongs or belonged to another user. */
export async function isNameTaken(
  { db }: Transaction,
  { usernameKey, skeletons }: NameKeys,
  userId?: Uint8Array,
): Promise<boolean> {
  const owners = await db
    .selectFrom('former_names')
    .select('user_id')
    .where('username_key', '=', usernameKey)
    .unionAll(db.selectFrom('users').select('user_id').where('username_key', '=', usernameKey))
    .unionAll(db.selectFrom('name_skeletons').select('user_id').where('skeleton', 'in', skeletons))
    .execute();
  return owners.some(({ user_id }) => !userId || !user_id || Buffer.compare(user_id, userId) !== 0);
}

/**
 * Reserves the skeletons of a name for a user, permanently. On PostgreSQL, a concurrent claim of another user makes the
 * transaction run again.
 */
export async function claimSkeletons(
  { db }: Transaction,
  userId: Uint8Array,
  skeletons: readonly string[],
): Promise<void> {
  const owned = await db
    .selectFrom('name_skeletons')
    .select('skeleton')
    .where('skeleton', 'in', skeletons)
    .where('user_id', '=', userId)
    .execute();
  const missing = skeletons.filter((skeleton) => !owned.some((row) => row.skeleton === skeleton));
  if (missing.length === 0) return;
  const rows = missing.map((skeleton) => ({ skeleton, user_id: userId }));
  await db.insertInto('name_skeletons').values(rows).execute();
}

/** Reserves those skeletons that no user has. For names from before skeletons were stored. */
export async function claimFreeSkeletons(
  { db }: Transaction,
  rows: readonly { readonly skeleton: string; readonly user_id: Uint8Array }[],
): Promise<void> {
  await db
    .insertInto('name_skeletons')
    .values([...rows])
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** @returns users after `afterId` who have no skeleton, in the order of their ids */
export async function findUsersWithoutSkeleton(
  { db }: Transaction,
  afterId: Uint8Array,
  limit: number,
): Promise<Pick<User, 'user_id' | 'username' | 'username_key'>[]> {
  return db
    .selectFrom('users')
    .select(['user_id', 'username', 'username_key'])
    .where('user_id', '>', afterId)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('name_skeletons').select('skeleton').whereRef('name_skeletons.user_id', '=', 'users.user_id'),
        ),
      ),
    )
    .orderBy('user_id')
    .limit(limit)
    .execute();
}

/**
 * Records that a user gives up their current name for `next`. The name stays reserved for the user, who may return to it.
 *
 * @param now end of its validity, in milliseconds since 1970
 */
export async function releaseName(
  { db }: Transaction,
  { user_id, username, username_key }: User,
  nextKey: string,
  now: number,
): Promise<void> {
  await db
    .insertInto('name_history')
    .values({ user_id, username, valid_until: now })
    // A name that was valid for less than a millisecond is not shown.
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  if (username_key === nextKey) return;
  await db.deleteFrom('former_names').where('username_key', '=', nextKey).execute();
  await db.insertInto('former_names').values({ username_key, user_id, username, released_at: now }).execute();
}

/**
 * Keeps the names of a user who is about to be deleted from being given to another one. The rows no longer refer to the user;
 * the database also keeps the skeletons.
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

/** @returns the number of renames of a user after a time, in milliseconds since 1970 */
export async function countRenames({ db }: Transaction, userId: Uint8Array, since: number): Promise<number> {
  const { renames } = await db
    .selectFrom('name_history')
    .select(({ fn }) => fn.countAll<number>().as('renames'))
    .where('user_id', '=', userId)
    .where('valid_until', '>', since)
    .executeTakeFirstOrThrow();
  return renames;
}

/** @returns all names that a user had before the current one */
export async function findFormerNames({ db }: Transaction, userId: Uint8Array): Promise<string[]> {
  const rows = await db.selectFrom('name_history').select('username').where('user_id', '=', userId).execute();
  return rows.map(({ username }) => username);
}

/** @returns the id of the user whose former name this is, if the account exists */
export async function findFormerOwner({ db }: Transaction, usernameKey: string): Promise<Uint8Array | undefined> {
  const row = await db
    .selectFrom('former_names')
    .innerJoin('users', 'users.user_id', 'former_names.user_id')
    .select('users.user_id')
    .where('former_names.username_key', '=', usernameKey)
    .executeTakeFirst();
  return row?.user_id;
}

/** The names of a user now and at an earlier time. */
export interface DatedNames {
  readonly current: string;
  /** Null if it is the current one. */
  readonly earlier: string | null;
}

const datedNames = prepared(
  ['user_id', 'time'],
  ({ db }, { user_id, time }: { readonly user_id: Uint8Array; readonly time: number }) =>
    db
      .selectFrom('users')
      .select(({ selectFrom }) => [
        'username as current',
        selectFrom('name_history')
          .select('username')
          .whereRef('name_history.user_id', '=', 'users.user_id')
          .where('valid_until', '>', time)
          .orderBy('valid_until')
          .limit(1)
          .as('earlier'),
      ])
      .where('users.user_id', '=', user_id),
);

/** @param time in milliseconds since 1970 */
export async function findNames(tx: Transaction, userId: Uint8Array, time: number): Promise<DatedNames | undefined> {
  return (await datedNames(tx, { user_id: userId, time })).rows[0];
}
