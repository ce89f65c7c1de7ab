import type { Row } from './schema.ts';
import type { Transaction } from './store.ts';

/**
 * Claims a request for one worker, so that its copies wait instead of being executed beside it.
 *
 * @returns false if somebody else holds a claim whose lease has not ended
 */
export async function claimRequest({ db }: Transaction, claim: Row<'request_claims'>, now: number): Promise<boolean> {
  const result = await db
    .insertInto('request_claims')
    .values(claim)
    .onConflict((conflict) =>
      conflict
        .columns(['step_id', 'request_hash'])
        .doUpdateSet({ claim_token: claim.claim_token, lease_until: claim.lease_until })
        .where('request_claims.lease_until', '<=', now),
    )
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

/** Lets a claim hold on. Does nothing if it was lost. */
export async function renewClaim({ db }: Transaction, claim: Row<'request_claims'>, leaseUntil: number): Promise<void> {
  await db
    .updateTable('request_claims')
    .set({ lease_until: leaseUntil })
    .where('step_id', '=', claim.step_id)
    .where('request_hash', '=', claim.request_hash)
    .where('claim_token', '=', claim.claim_token)
    .execute();
}

/** @returns false if the claim was lost to somebody else */
export async function releaseClaim({ db }: Transaction, claim: Row<'request_claims'>): Promise<boolean> {
  const result = await db
    .deleteFrom('request_claims')
    .where('step_id', '=', claim.step_id)
    .where('request_hash', '=', claim.request_hash)
    .where('claim_token', '=', claim.claim_token)
    .executeTakeFirst();
  return result.numDeletedRows === 1n;
}
