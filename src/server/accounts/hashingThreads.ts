// Scheduling priority of the threads that hash passwords.
import { readdirSync, readFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

const POOL_THREAD_NAME = 'libuv-worker';
/** Of the 40 levels on Linux. A thread 10 levels below another one gets about a tenth of their processor. */
const PRIORITY_STEPS = 10;

/**
 * Lowers the priority of the threads that hash passwords, so that the main thread answers requests first where they
 * share a processor. The other work of these threads, such as writing the log, is not urgent. Call it after the first
 * hash, which starts the threads.
 *
 * @returns the number of threads; 0 on systems other than Linux, where priorities do not change
 */
export function lowerHashingPriority(): number {
  const priority = Math.min(getPriority() + PRIORITY_STEPS, constants.priority.PRIORITY_LOW);
  let lowered = 0;
  for (const thread of threads()) {
    try {
      if (readFileSync(`/proc/self/task/${thread}/comm`, 'latin1').trim() !== POOL_THREAD_NAME) continue;
      // On Linux a priority belongs to a thread, and the call accepts a thread's id.
      setPriority(Number(thread), priority);
      lowered += 1;
    } catch {
      // The thread ended, or the system forbids it. The server works without it.
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
