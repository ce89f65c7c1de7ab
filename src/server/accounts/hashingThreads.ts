import { readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

const POOL_THREAD_NAME = 'libuv-worker';
/** Of Linux's 40 levels: next to a thread so much above it, one gets about a tenth of a processor. */
const PRIORITY_STEPS = 10;

/**
 * Lets the threads that hash passwords wait for the one that answers requests, where they share a processor. What else they
 * do, such as writing the log, nobody waits for. Call it once a password was hashed, which is what starts them.
 *
 * @returns how many threads that are; none on systems that are not Linux, where the priority stays as it is
 */
export function lowerHashingPriority(): number {
  const priority = Math.min(getPriority() + PRIORITY_STEPS, constants.priority.PRIORITY_LOW);
  let lowered = 0;
  for (const thread of threads()) {
    try {
      if (readFileSync(`/proc/self/task/${thread}/comm`, 'latin1').trim() !== POOL_THREAD_NAME) continue;
      // On Linux a priority is a thread's, and a thread's id does for a process's.
      setPriority(Number(thread), priority);
      lowered += 1;
    } catch {
      // The thread has ended, or somebody forbids it: everything works without.
    }
  }
  return lowered;
}

function threads(): string[] {
  try {
    return readdirSync('/proc/self/task');
  } catch {
    return [];
  }
}
