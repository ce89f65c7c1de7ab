// A write that checks whether the database is usable.
import { randomBytes } from 'node:crypto';
import { deleteStep, insertStep } from './sessionSteps.ts';
import type { Transaction } from './store.ts';

const ID_LENGTH = 32;
/** About the size of a request's row. */
const ROW_SIZE = 1024;

/**
 * Writes as much as a request and deletes it again. A database that can be read, or has space for one page, may still
 * be locked or full.
 */
export async function probeWrite(transaction: Transaction): Promise<void> {
  const stepId = randomBytes(ID_LENGTH);
  await insertStep(transaction, {
    step_id: stepId,
    session_id: stepId,
    parent_id: null,
    suite: 0,
    user_id: null,
    recovery_id: null,
    sealed_secret: randomBytes(ROW_SIZE),
    epoch_id: null,
    request_hash: null,
    sealed_response: null,
    repeatable: 0,
    used: 0,
    last_used_at: 0,
    started_at: 0,
  });
  await deleteStep(transaction, stepId);
}
