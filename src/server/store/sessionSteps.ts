import { prepared } from './prepared.ts';
import type { Row } from './schema.ts';
import type { Transaction } from './store.ts';

export type SessionStep = Row<'session_steps'>;

const stepById = prepared(['step_id'], ({ engine, db }, { step_id }: Pick<SessionStep, 'step_id'>) => {
  const steps = db.selectFrom('session_steps').selectAll();
  if (engine === 'sqlite') return steps.where('step_id', '=', step_id);
  // All steps are locked, in one order: a request made with another step of the session is another path of the same tree.
  return steps
    .where('session_id', '=', (eb) =>
      eb.selectFrom('session_steps').select('session_id').where('step_id', '=', step_id),
    )
    .orderBy('step_id')
    .forUpdate();
});

/** Finds a step, and keeps others from moving its session on until the transaction ends. */
export async function findStep(tx: Transaction, stepId: Uint8Array): Promise<SessionStep | undefined> {
  const { rows } = await stepById(tx, { step_id: stepId });
  return tx.engine === 'sqlite' ? rows[0] : rows.find((step) => Buffer.compare(step.step_id, stepId) === 0);
}

/** @returns the step that a request led to, if its answer was stored */
export async function findAnsweredStep(
  { db }: Transaction,
  parent: SessionStep,
  requestHash: Uint8Array,
): Promise<SessionStep | undefined> {
  return db
    .selectFrom('session_steps')
    .selectAll()
    .where('session_id', '=', parent.session_id)
    .where('parent_id', '=', parent.step_id)
    .where('request_hash', '=', requestHash)
    .executeTakeFirst();
}

export async function sessionExists({ db }: Transaction, sessionId: Uint8Array): Promise<boolean> {
  const step = await db
    .selectFrom('session_steps')
    .select('step_id')
    .where('session_id', '=', sessionId)
    .limit(1)
    .executeTakeFirst();
  return step !== undefined;
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

const insertion = prepared<SessionStep, unknown>(
  [
    'step_id',
    'session_id',
    'parent_id',
    'suite',
    'user_id',
    'recovery_id',
    'sealed_secret',
    'request_hash',
    'sealed_answer',
    'repeatable',
    'used',
    'last_used_at',
    'started_at',
  ],
  ({ db }, step) => db.insertInto('session_steps').values(step),
);

export async function insertStep(tx: Transaction, step: SessionStep): Promise<void> {
  await insertion(tx, step);
}

const use = prepared(
  ['step_id', 'last_used_at'],
  ({ db }, { step_id, last_used_at }: Pick<SessionStep, 'step_id' | 'last_used_at'>) =>
    db.updateTable('session_steps').set({ used: 1, last_used_at }).where('step_id', '=', step_id),
);

export async function markStepUsed(tx: Transaction, stepId: Uint8Array, now: number): Promise<void> {
  await use(tx, { step_id: stepId, last_used_at: now });
}

export async function deleteStep({ db }: Transaction, stepId: Uint8Array): Promise<void> {
  await db.deleteFrom('session_steps').where('step_id', '=', stepId).execute();
}

const deletionOfOthers = prepared(
  ['session_id', 'step_id'],
  ({ db }, { session_id, step_id }: Pick<SessionStep, 'session_id' | 'step_id'>) =>
    db.deleteFrom('session_steps').where('session_id', '=', session_id).where('step_id', '!=', step_id),
);

/** Deletes every step of a session but one: the client has proved that it holds that one's keys. */
export async function deleteOtherSteps(tx: Transaction, step: SessionStep): Promise<void> {
  await deletionOfOthers(tx, step);
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
