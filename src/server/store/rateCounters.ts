// Query of the rate counters.
import { sql } from 'kysely';
import type { Transaction } from './store.ts';

/**
 * Counts one event in a window.
 *
 * @returns the number of events in that window so far
 */
export async function countEvent(
  { db }: Transaction,
  counterKey: Uint8Array,
  windowStartedAt: number,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    INSERT INTO rate_counters (counter_key, window_started_at, count)
    VALUES (${counterKey}, ${windowStartedAt}, 1)
    ON CONFLICT (counter_key) DO UPDATE SET
      count = CASE WHEN rate_counters.window_started_at = ${windowStartedAt} THEN rate_counters.count + 1 ELSE 1 END,
      window_started_at = ${windowStartedAt}
    RETURNING count`.execute(db);
  return rows[0]?.count ?? 0;
}
