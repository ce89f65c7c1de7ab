import { sql } from 'kysely';
import { prepared } from './prepared.ts';
import type { Row } from './schema.ts';
import type { Transaction } from './store.ts';

export type SessionStep = Row<'session_steps'>;

/** A step as a request finds it; what answers a request that is sent again is read only then. */
export type FoundStep = Pick<SessionStep, (typeof FOUND_COLUMNS)[number]>;

const FOUND_COLUMNS = [
  'step_id',
  'session_id',
  'parent_id',
  'suite',
  'user_id',
  'recovery_id',
  'sealed_secret',
  'used',
  'last_used_at',
  'started_at',
] as const satisfies readonly (keyof SessionStep)[];

/** Requests of a user go on beside each other, but not beside one that ends sessions: see {@link excludeRequestsOfUser}. */
const shareUser = sql`pg_advisory_xact_lock_shared(hashtextextended(encode(user_id, 'hex'), 0))`.as('shared');

const stepById = prepared(['step_id'], ({ engine, db }, { step_id }: Pick<SessionStep, 'step_id'>) => {
  const steps = db.selectFrom('session_steps').select(FOUND_COLUMNS);
  if (engine === 'sqlite') return steps.where('step_id', '=', step_id);
  // All steps are locked, in one order: a request made with another step of the session is another path of the same tree.
  return db
    .with(
      (cte) => cte('named').materialized(),
      (cte) => cte.selectFrom('session_steps').select(['session_id', shareUser]).where('step_id', '=', step_id),
    )
    .selectFrom('session_steps')
    .select(FOUND_COLUMNS)
    .where('session_id', '=', (eb) => eb.selectFrom('named').select('session_id'))
    .orderBy('step_id')
    .forUpdate();
});

/** Finds a step, and keeps others from moving its session on until the transaction ends. */
export async function findStep(tx: Transaction, stepId: Uint8Array): Promise<FoundStep | undefined> {
  const { rows } = await stepById(tx, { step_id: stepId });
  return tx.engine === 'sqlite' ? rows[0] : rows.find((step) => Buffer.compare(step.step_id, stepId) === 0);
}

/** @returns the answer of a request that was made with a step, sealed, if it was stored */
export async function findSealedResponse(
  { db }: Transaction,
  step: Pick<SessionStep, 'session_id' | 'step_id'>,
  requestHash: Uint8Array,
): Promise<Uint8Array | undefined> {
  const child = await db
    .selectFrom('session_steps')
    .select('sealed_response')
    // The few steps of a session are found by an index; one of parents and requests would cost every request a write.
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

/** @returns when any step of a session was last used, or made, in milliseconds since 1970 */
export async function findLastUse({ db }: Transaction, sessionId: Uint8Array): Promise<number> {
  const { time } = await db
    .selectFrom('session_steps')
    .select(({ fn }) => fn.max('last_used_at').as('time'))
    .where('session_id', '=', sessionId)
    .executeTakeFirstOrThrow();
  return time;
}

/**
 * Waits for the requests of a user that are under way, and holds up others until the transaction ends. Without that, on
 * PostgreSQL, they would make steps that a statement does not see which waited for them.
 */
export async function excludeRequestsOfUser({ engine, db }: Transaction, userId: Uint8Array): Promise<void> {
  // On SQLite a transaction excludes all others by itself.
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

/** Counts a request that was made with a step. When that was, the step that it leads to tells. */
export async function countUse(tx: Transaction, stepId: Uint8Array): Promise<void> {
  await countedUse(tx, { step_id: stepId });
}

/** Keeps a session alive by a request that leads nowhere new. */
export async function touchStep({ db }: Transaction, stepId: Uint8Array, now: number): Promise<void> {
  await db.updateTable('session_steps').set({ last_used_at: now }).where('step_id', '=', stepId).execute();
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
      // What stays as it is needs no new place in an index.
      .where(sql<boolean>`user_id IS ${user_id}`)
      .where('used', '=', 1),
);

/**
 * Lets `next` follow `step`, whose first request proves that the client holds its keys, and ends all other steps of the
 * session.
 */
export async function replaceOtherSteps(tx: Transaction, step: FoundStep, next: SessionStep): Promise<void> {
  if (await takeOverParent(tx, step, next)) return;
  await deletionOfOthers(tx, step);
  await insertStep(tx, next);
}

/**
 * Where nothing was lost, the one other step is the parent, and no other request was made with it. Its row becomes the next
 * step's: one write where deleting and inserting are two, in each index, too.
 *
 * @returns false, having written nothing, if it is otherwise
 */
async function takeOverParent(tx: Transaction, { parent_id }: FoundStep, next: SessionStep): Promise<boolean> {
  // PostgreSQL writes a new row all the same, and locks rows in the order of their ids, which must therefore stay.
  if (tx.engine !== 'sqlite' || !parent_id) return false;
  const { numAffectedRows } = await takeover(tx, { ...next, replaced_id: parent_id });
  return numAffectedRows === 1n;
}

/** @returns the steps that the requests of one step led to, the oldest first, without their secrets */
export async function findChildSteps(
  { db }: Transaction,
  { session_id, step_id }: Pick<SessionStep, 'session_id' | 'step_id'>,
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
