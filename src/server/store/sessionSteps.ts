// Queries of session steps.
import { sql } from 'kysely';
import { shareEpoch } from './epochs.ts';
import { prepared } from './prepared.ts';
import type { Row } from './schema.ts';
import { deleteLabels } from './sessionLabels.ts';
import type { Transaction } from './store.ts';

export type SessionStep = Row<'session_steps'>;

/** The columns that every request reads. The stored response is read only for a request that is sent again. */
export type FoundStep = Pick<SessionStep, (typeof FOUND_COLUMNS)[number]>;

const FOUND_COLUMNS = [
  'step_id',
  'session_id',
  'parent_id',
  'suite',
  'user_id',
  'recovery_id',
  'sealed_secret',
  'epoch_id',
  'used',
  'last_used_at',
  'started_at',
] as const satisfies readonly (keyof SessionStep)[];

/** Requests of a user run concurrently, except with one that ends sessions: see {@link excludeRequestsOfUser}. */
const shareUser = sql`pg_advisory_xact_lock_shared(hashtextextended(encode(user_id, 'hex'), 0))`.as('shared');

const stepById = prepared(['step_id'], ({ engine, db }, { step_id }: Pick<SessionStep, 'step_id'>) => {
  const steps = db.selectFrom('session_steps').select(FOUND_COLUMNS);
  if (engine === 'sqlite') return steps.where('step_id', '=', step_id);
  // Locks all steps of the session in one order, because concurrent requests may use other steps of the same tree.
  return db
    .with(
      (cte) => cte('named').materialized(),
      (cte) =>
        cte
          .selectFrom('session_steps')
          .select(['session_id', shareUser, shareEpoch.as('epoch')])
          .where('step_id', '=', step_id),
    )
    .selectFrom('session_steps')
    .select(FOUND_COLUMNS)
    .where('session_id', '=', (eb) => eb.selectFrom('named').select('session_id'))
    .orderBy('step_id')
    .forUpdate();
});

/** Finds a step, prevents other requests from advancing its session until the transaction ends, and holds the epoch. */
export async function findStep(tx: Transaction, stepId: Uint8Array): Promise<FoundStep | undefined> {
  const { rows } = await stepById(tx, { step_id: stepId });
  return tx.engine === 'sqlite' ? rows[0] : rows.find((step) => Buffer.compare(step.step_id, stepId) === 0);
}

/** @returns the stored response of a request with a step, encrypted; undefined if it was not stored */
export async function findSealedResponse(
  { db }: Transaction,
  step: Pick<SessionStep, 'session_id' | 'step_id'>,
  requestHash: Uint8Array,
): Promise<Uint8Array | undefined> {
  const child = await db
    .selectFrom('session_steps')
    .select('sealed_response')
    // Uses the index of sessions, which have few steps. An index of parents and requests would cost a write per
    // request.
    .where('session_id', '=', step.session_id)
    .where('parent_id', '=', step.step_id)
    .where('request_hash', '=', requestHash)
    .executeTakeFirst();
  return child?.sealed_response ?? undefined;
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

/** @returns the time of the last use or creation of any step of a session, in milliseconds since 1970 */
export async function findLastUse({ db }: Transaction, sessionId: Uint8Array): Promise<number> {
  const { time } = await db
    .selectFrom('session_steps')
    .select(({ fn }) => fn.max('last_used_at').as('time'))
    .where('session_id', '=', sessionId)
    .executeTakeFirstOrThrow();
  return time;
}

/**
 * Waits for requests of a user in progress, and blocks others until the transaction ends. Otherwise, on PostgreSQL,
 * they could create steps that a statement of this transaction does not see, even if it waited for their locks.
 */
export async function excludeRequestsOfUser({ engine, db }: Transaction, userId: Uint8Array): Promise<void> {
  // On SQLite, transactions are exclusive anyway.
  if (engine === 'sqlite') return;
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(encode(${userId}, 'hex'), 0))`.execute(db);
}

const COLUMNS = [
  ...FOUND_COLUMNS,
  'request_hash',
  'sealed_response',
  'repeatable',
] as const satisfies readonly (keyof SessionStep)[];

const insertion = prepared<SessionStep, unknown>(COLUMNS, ({ db }, step) =>
  db.insertInto('session_steps').values(step),
);

export async function insertStep(tx: Transaction, step: SessionStep): Promise<void> {
  await insertion(tx, step);
}

const countedUse = prepared(['step_id'], ({ db }, { step_id }: Pick<SessionStep, 'step_id'>) =>
  db
    .updateTable('session_steps')
    .set((eb) => ({ used: eb('used', '+', 1) }))
    .where('step_id', '=', step_id),
);

/** Counts a request with a step. Its time is stored in the step that it leads to. */
export async function countUse(tx: Transaction, stepId: Uint8Array): Promise<void> {
  await countedUse(tx, { step_id: stepId });
}

export async function deleteStep({ db }: Transaction, stepId: Uint8Array): Promise<void> {
  await db.deleteFrom('session_steps').where('step_id', '=', stepId).execute();
}

const deletionOfOthers = prepared(
  ['session_id', 'step_id'],
  ({ db }, { session_id, step_id }: Pick<SessionStep, 'session_id' | 'step_id'>) =>
    db.deleteFrom('session_steps').where('session_id', '=', session_id).where('step_id', '!=', step_id),
);

const takeover = prepared<SessionStep & { readonly replaced_id: Uint8Array }, unknown>(
  [...COLUMNS, 'replaced_id'],
  ({ db }, { replaced_id, session_id, user_id, ...columns }) =>
    db
      .updateTable('session_steps')
      .set(columns)
      .where('step_id', '=', replaced_id)
      .where('session_id', '=', session_id)
      // Unchanged columns need no index update.
      .where(sql<boolean>`user_id IS ${user_id}`)
      .where('used', '=', 1),
);

/**
 * Inserts `next` after `step` and deletes all other steps of the session: the first request with `step` proves that the
 * client has its keys.
 */
export async function replaceOtherSteps(tx: Transaction, step: FoundStep, next: SessionStep): Promise<void> {
  if (await takeOverParent(tx, step, next)) return;
  await deletionOfOthers(tx, step);
  await insertStep(tx, next);
}

/**
 * If no response was lost, the only other step is the parent, with a single request. Its row is overwritten with the
 * next step: one write instead of a deletion and an insertion, also in each index.
 *
 * @returns false, without a write, in all other cases
 */
async function takeOverParent(tx: Transaction, { parent_id }: FoundStep, next: SessionStep): Promise<boolean> {
  // On PostgreSQL an update writes a new row anyway, and ids must not change because rows are locked in their order.
  if (tx.engine !== 'sqlite' || !parent_id) return false;
  const { numAffectedRows } = await takeover(tx, { ...next, replaced_id: parent_id });
  return numAffectedRows === 1n;
}

/** A step that a request led to, with the length of its stored response. */
export type ChildStep = Pick<SessionStep, 'step_id' | 'repeatable' | 'last_used_at'> & {
  readonly response_bytes: number;
};

/** @returns the steps that the requests with a step led to, the oldest first, without their secrets */
export async function findChildSteps(
  { db }: Transaction,
  { session_id, step_id }: Pick<SessionStep, 'session_id' | 'step_id'>,
): Promise<ChildStep[]> {
  return db
    .selectFrom('session_steps')
    .select(['step_id', 'repeatable', 'last_used_at'])
    .select(sql<number>`coalesce(length(sealed_response), 0)`.as('response_bytes'))
    .where('session_id', '=', session_id)
    .where('parent_id', '=', step_id)
    .orderBy('last_used_at')
    .execute();
}

export async function deleteSession(tx: Transaction, sessionId: Uint8Array): Promise<void> {
  await tx.db.deleteFrom('session_steps').where('session_id', '=', sessionId).execute();
  await deleteLabels(tx, [sessionId]);
}
