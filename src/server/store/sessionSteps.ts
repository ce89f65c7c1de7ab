import type { NewRow, Row } from './schema.ts';
import type { Transaction } from './store.ts';

export type SessionStep = Row<'session_steps'>;

/** Finds a step, and keeps others from moving its session on until the transaction ends. */
export async function findStep({ engine, db }: Transaction, stepId: Uint8Array): Promise<SessionStep | undefined> {
  if (engine === 'sqlite') {
    return db.selectFrom('session_steps').selectAll().where('step_id', '=', stepId).executeTakeFirst();
  }
  // All steps are locked, in one order: a request made with another step of the session is another path of the same tree.
  const steps = await db
    .selectFrom('session_steps')
    .selectAll()
    .where('session_id', '=', (eb) => eb.selectFrom('session_steps').select('session_id').where('step_id', '=', stepId))
    .orderBy('step_id')
    .forUpdate()
    .execute();
  return steps.find((step) => Buffer.compare(step.step_id, stepId) === 0);
}

/** @returns the step that a request led to, if its answer was stored */
export async function findAnsweredStep(
  { db }: Transaction,
  parentId: Uint8Array,
  requestHash: Uint8Array,
): Promise<SessionStep | undefined> {
  return db
    .selectFrom('session_steps')
    .selectAll()
    .where('parent_id', '=', parentId)
    .where('request_hash', '=', requestHash)
    .executeTakeFirst();
}

/** @returns when any step of a session was last used, or made, in milliseconds since 1970 */
export async function findLastUse({ db }: Transaction, sessionId: Uint8Array): Promise<number> {
  const { time } = await db
    .selectFrom('session_steps')
    .select(({ fn }) => fn.max('last_used_at').as('time'))
    .where('session_id', '=', sessionId)
    .executeTakeFirstOrThrow();
  return time;
}

export async function insertStep({ db }: Transaction, step: NewRow<'session_steps'>): Promise<void> {
  await db.insertInto('session_steps').values(step).execute();
}

export async function markStepUsed({ db }: Transaction, stepId: Uint8Array, now: number): Promise<void> {
  await db.updateTable('session_steps').set({ used: 1, last_used_at: now }).where('step_id', '=', stepId).execute();
}

export async function deleteStep({ db }: Transaction, stepId: Uint8Array): Promise<void> {
  await db.deleteFrom('session_steps').where('step_id', '=', stepId).execute();
}

/** Deletes every step of a session but one: the client has proved that it holds that one's keys. */
export async function deleteOtherSteps({ db }: Transaction, step: SessionStep): Promise<void> {
  await db
    .deleteFrom('session_steps')
    .where('session_id', '=', step.session_id)
    .where('step_id', '!=', step.step_id)
    .execute();
}

/** @returns the steps that the requests of one step led to, the oldest first, without their secrets */
export async function findChildSteps(
  { db }: Transaction,
  { session_id, step_id }: SessionStep,
): Promise<Pick<SessionStep, 'step_id' | 'repeatable'>[]> {
  return db
    .selectFrom('session_steps')
    .select(['step_id', 'repeatable'])
    .where('session_id', '=', session_id)
    .where('parent_id', '=', step_id)
    .orderBy('last_used_at')
    .execute();
}

export async function deleteSession({ db }: Transaction, sessionId: Uint8Array): Promise<void> {
  await db.deleteFrom('session_steps').where('session_id', '=', sessionId).execute();
}

/** Ends every session that a user is logged in on, but for one. */
export async function deleteOtherSessionsOfUser(
  { db }: Transaction,
  userId: Uint8Array,
  exceptSessionId: Uint8Array,
): Promise<void> {
  await db
    .deleteFrom('session_steps')
    .where('session_id', 'in', (eb) =>
      eb.selectFrom('session_steps').select('session_id').where('user_id', '=', userId),
    )
    .where('session_id', '!=', exceptSessionId)
    .execute();
}
