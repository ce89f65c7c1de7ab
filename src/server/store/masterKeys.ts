// Queries of the master key ids that a database is bound to.
import { sql } from 'kysely';
import type { Transaction } from './store.ts';

/** Prevents other processes from inserting a master key id until the transaction ends. */
export async function lockMasterKeys({ engine, db }: Transaction): Promise<void> {
  // On SQLite, transactions are exclusive anyway.
  if (engine === 'postgres') await sql`LOCK TABLE master_keys IN SHARE ROW EXCLUSIVE MODE`.execute(db);
}

/** @returns the ids of the master keys that this database is bound to */
export async function findMasterKeyIds({ db }: Transaction): Promise<string[]> {
  const rows = await db.selectFrom('master_keys').select('master_key_id').execute();
  return rows.map((row) => row.master_key_id);
}

export async function insertMasterKeyId({ db }: Transaction, masterKeyId: string, now: number): Promise<void> {
  await db
    .insertInto('master_keys')
    .values({ master_key_id: masterKeyId, created_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
