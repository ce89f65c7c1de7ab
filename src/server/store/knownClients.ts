// Queries of the clients that logged in to an account before.
import type { NewRow, Row } from './schema.ts';
import type { Transaction } from './store.ts';

export type KnownClient = Row<'known_clients'>;

/** @returns the clients with one of these hashes that were used after the given time, whatever their account */
export async function findKnownClients(
  { db }: Transaction,
  hashes: readonly Uint8Array[],
  usedSince: number,
): Promise<KnownClient[]> {
  return db
    .selectFrom('known_clients')
    .selectAll()
    .where('client_hash', 'in', hashes)
    .where('last_used_at', '>', usedSince)
    .execute();
}

/** Stores a client or its last use, and deletes the user's clients of the same kind that were unused longest. */
export async function saveKnownClient(
  { db }: Transaction,
  client: NewRow<'known_clients'>,
  maxPerKind: number,
): Promise<void> {
  const { user_id, kind, last_used_at } = client;
  await db
    .insertInto('known_clients')
    .values(client)
    .onConflict((conflict) => conflict.column('client_hash').doUpdateSet({ user_id, kind, last_used_at }))
    .execute();
  await db
    .deleteFrom('known_clients')
    .where('user_id', '=', user_id)
    .where('kind', '=', kind)
    .where('client_hash', 'not in', (eb) =>
      eb
        .selectFrom('known_clients')
        .select('client_hash')
        .where('user_id', '=', user_id)
        .where('kind', '=', kind)
        .orderBy('last_used_at', 'desc')
        .limit(maxPerKind),
    )
    .execute();
}

export async function deleteKnownClients({ db }: Transaction, userId: Uint8Array): Promise<void> {
  await db.deleteFrom('known_clients').where('user_id', '=', userId).execute();
}
