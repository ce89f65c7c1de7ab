import { setTimeout as delay } from 'node:timers/promises';

const POLL_MILLISECONDS = 20;
const PATIENCE_MILLISECONDS = 5_000;

/** Asks `probe` again and again until it gives something; fails, naming `what` was waited for, when patience ends. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  patience = PATIENCE_MILLISECONDS,
): Promise<T> {
  const deadline = performance.now() + patience;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await delay(POLL_MILLISECONDS);
  }
}
