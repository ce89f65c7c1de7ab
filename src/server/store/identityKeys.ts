// Queries of the identity and the KEM keys.
import { sql } from 'kysely';
import type { NewRow, Row } from './schema.ts';
import type { Transaction } from './store.ts';

export type KemKeyRow = Row<'kem_keys'>;

/** Prevents other processes from creating an identity or a KEM key until the transaction ends. */
export async function lockIdentityKeys({ engine, db }: Transaction): Promise<void> {
  // On SQLite, transactions are exclusive anyway.
  if (engine === 'postgres') await sql`LOCK TABLE identities, kem_keys IN SHARE ROW EXCLUSIVE MODE`.execute(db);
}

/** @returns the identity that was created first */
export async function findIdentity({ db }: Transaction): Promise<Row<'identities'> | undefined> {
  return db.selectFrom('identities').selectAll().orderBy('created_at').limit(1).executeTakeFirst();
}

export async function insertIdentity({ db }: Transaction, identity: NewRow<'identities'>): Promise<void> {
  await db.insertInto('identities').values(identity).execute();
}

export async function findKemKey({ db }: Transaction, kid: Uint8Array): Promise<KemKeyRow | undefined> {
  return db.selectFrom('kem_keys').selectAll().where('kid', '=', kid).executeTakeFirst();
}

/** @returns the newest key of an identity that is already valid; a wrong clock may have created one in the future */
export async function findNewestKemKey(
  { db }: Transaction,
  identity: Uint8Array,
  now: number,
): Promise<KemKeyRow | undefined> {
  return db
    .selectFrom('kem_keys')
    .selectAll()
    .where('identity', '=', identity)
    .where('not_before', '<=', now)
    .orderBy('not_before', 'desc')
    .limit(1)
    .executeTakeFirst();
}

export async function insertKemKey({ db }: Transaction, key: NewRow<'kem_keys'>): Promise<void> {
  await db.insertInto('kem_keys').values(key).execute();
}
