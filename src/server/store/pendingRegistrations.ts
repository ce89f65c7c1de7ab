// Queries of registrations that wait for their code.
import type { NewRow, Row } from './schema.ts';
import type { Transaction } from './store.ts';

export type PendingRegistration = Row<'pending_registrations'>;

export async function insertPendingRegistration(
  { db }: Transaction,
  registration: NewRow<'pending_registrations'>,
): Promise<void> {
  await db.insertInto('pending_registrations').values(registration).execute();
}

/** @returns the registration including this try, or undefined if it accepts no more codes */
export async function countRegistrationTry(
  { db }: Transaction,
  registrationId: Uint8Array,
  now: number,
  maxTries: number,
): Promise<PendingRegistration | undefined> {
  return db
    .updateTable('pending_registrations')
    .set((eb) => ({ tries: eb('tries', '+', 1) }))
    .where('registration_id', '=', registrationId)
    .where('tries', '<', maxTries)
    .where('expires_at', '>', now)
    .returningAll()
    .executeTakeFirst();
}

export async function deletePendingRegistration({ db }: Transaction, registrationId: Uint8Array): Promise<void> {
  await db.deleteFrom('pending_registrations').where('registration_id', '=', registrationId).execute();
}
