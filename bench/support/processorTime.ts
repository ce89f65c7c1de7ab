// Processor time and memory of processes, and which processors they run on.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const NANOSECONDS_PER_MICROSECOND = 1000;
const BYTES_PER_KIB = 1024;

/** Microseconds of processor time since a process started. Its first thread runs the JavaScript. */
interface ProcessorTime {
  readonly firstThread: number;
  readonly otherThreads: number;
}

/** @returns undefined where there is no /proc */
export function processorTime(pid: number): ProcessorTime | undefined {
  let firstThread = 0;
  let otherThreads = 0;
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const time = threadTime(`/proc/${pid}/task/${thread}/schedstat`);
      if (thread === String(pid)) firstThread = time;
      else otherThreads += time;
    }
  } catch {
    return undefined;
  }
  return { firstThread, otherThreads };
}

function threadTime(schedstat: string): number {
  return Number(readFileSync(schedstat, 'latin1').split(' ')[0]) / NANOSECONDS_PER_MICROSECOND;
}

/** @returns the resident memory of a process in bytes, or undefined where there is no /proc */
export function residentMemory(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return kib === undefined ? undefined : Number(kib) * BYTES_PER_KIB;
  } catch {
    return undefined;
  }
}

/**
 * Pins this process to the last processor.
 *
 * @returns the processors for the servers, or undefined where processes cannot be pinned
 */
export function pinClient(): string[] | undefined {
  const count = availableParallelism();
  if (count < 2) return undefined;
  try {
    execFileSync('taskset', ['-a', '-p', '-c', String(count - 1), String(process.pid)], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  return Array.from({ length: count - 1 }, (_, index) => String(index));
}
