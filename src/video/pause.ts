// Lets other work run during long computations, and ends them when the caller aborts.
import { throwIfAborted } from './media/frames.ts';

/** A message that aborts waits at most this long, plus the few milliseconds between two calls. */
const LONGEST_MS = 50;

/** @returns a function to call every few milliseconds; it throws VideoError `aborted` */
export function createPause(signal: AbortSignal | undefined): () => Promise<void> {
  let last = performance.now();
  return async () => {
    throwIfAborted(signal);
    if (performance.now() - last < LONGEST_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    last = performance.now();
    throwIfAborted(signal);
  };
}
