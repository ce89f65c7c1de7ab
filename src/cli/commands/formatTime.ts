// Formats times for people.

/** @returns the time in UTC, as 2026-01-31 23:59:59 */
export function formatTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}
