// Queries of budgets that refill continuously.
import { sql } from 'kysely';
import type { Transaction } from './store.ts';

/*
 * A budget is one time: when it will be full again (the generic cell rate algorithm, ITU-T I.371). Each use moves it by one
 * interval; a use is refused if that would move it further ahead than the period.
 */

/**
 * Uses a budget once, in one statement, so that N concurrent uses count as N.
 *
 * @param intervalMs time in which one use refills
 * @param periodMs time in which the whole budget refills
 * @returns false, without a write, if it is used up
 */
export async function spendBudget(
  { db }: Transaction,
  budgetKey: Uint8Array,
  now: number,
  intervalMs: number,
  periodMs: number,
): Promise<boolean> {
  // A time further ahead than the period means that the clock was wrong, then or now.
  const { rows } = await sql`
    INSERT INTO budgets (budget_key, full_at) VALUES (${budgetKey}, ${now + intervalMs})
    ON CONFLICT (budget_key) DO UPDATE SET
      full_at = CASE WHEN budgets.full_at BETWEEN ${now} AND ${now + periodMs} THEN budgets.full_at ELSE ${now} END
        + ${intervalMs}
    WHERE budgets.full_at <= ${now + periodMs - intervalMs} OR budgets.full_at > ${now + periodMs}
    RETURNING full_at`.execute(db);
  return rows.length > 0;
}

/** Reports whether a use would be refused. */
export async function isBudgetUsedUp(
  { db }: Transaction,
  budgetKey: Uint8Array,
  now: number,
  intervalMs: number,
  periodMs: number,
): Promise<boolean> {
  const row = await db
    .selectFrom('budgets')
    .select('full_at')
    .where('budget_key', '=', budgetKey)
    .where('full_at', '>', now + periodMs - intervalMs)
    .where('full_at', '<=', now + periodMs)
    .executeTakeFirst();
  return row !== undefined;
}

/** Takes one use back. */
export async function refundBudget({ db }: Transaction, budgetKey: Uint8Array, intervalMs: number): Promise<void> {
  await db
    .updateTable('budgets')
    .set((eb) => ({ full_at: eb('full_at', '-', intervalMs) }))
    .where('budget_key', '=', budgetKey)
    .execute();
}

/** Refills a budget. */
export async function resetBudget({ db }: Transaction, budgetKey: Uint8Array): Promise<void> {
  await db.deleteFrom('budgets').where('budget_key', '=', budgetKey).execute();
}
