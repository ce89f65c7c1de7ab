import type { Transaction } from './store.ts';

/** @returns the ids of the master keys that this database was used with */
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
