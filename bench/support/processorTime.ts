import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const NANOSECONDS_PER_MICROSECOND = 1000;
const BYTES_PER_KIB = 1024;

/** Microseconds on a processor since a process began; its first thread runs the JavaScript. */
export interface ProcessorTime {
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

/** Bytes of RAM that a process holds. @returns undefined where there is no /proc */
export function residentMemory(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return kib === undefined ? undefined : Number(kib) * BYTES_PER_KIB;
  } catch {
    return undefined;
  }
}

/** The processors for what is measured, and for what measures; undefined where processes cannot be pinned. */
export interface Processors {
  readonly servers: readonly string[];
  readonly client: string;
}

/** Gives this process a processor of its own, the last one, and leaves the others to the servers. */
export function pinClient(): Processors | undefined {
  const count = availableParallelism();
  if (count < 2) return undefined;
  const client = String(count - 1);
  try {
    execFileSync('taskset', ['-a', '-p', '-c', client, String(process.pid)], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  return { servers: Array.from({ length: count - 1 }, (_, index) => String(index)), client };
}
