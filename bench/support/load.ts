// Load by many users at once, and its measurement.
import { processorTime } from './processorTime.ts';
import { percentile } from './statistics.ts';

/** The figures of one round of load. */
export interface Measurement {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Processor time per request in microseconds; undefined where there is no /proc. */
  readonly serverTime: number | undefined;
  /** The part of it in other threads than the first: hashing, garbage collection, the log. */
  readonly otherThreadsTime: number | undefined;
  /** Use of its processor by the measuring process, 0 to 1: near 1, it measured itself. */
  readonly clientLoad: number;
}

/** Makes one request as a user. */
export type Act<U> = (user: U) => Promise<unknown>;

interface LoadOptions {
  readonly milliseconds: number;
  /** The processes whose time counts. */
  readonly pids: readonly number[];
}

/** Lets every user make requests without a pause. */
export async function runLoad<U>(
  users: readonly U[],
  act: Act<U>,
  { milliseconds, pids }: LoadOptions,
): Promise<Measurement> {
  const latencies: number[] = [];
  const before = totalTime(pids);
  const clientBefore = process.cpuUsage();
  const begin = performance.now();
  const end = begin + milliseconds;
  await Promise.all(
    users.map(async (user) => {
      for (let sent = performance.now(); sent < end; ) {
        await act(user);
        const now = performance.now();
        latencies.push(now - sent);
        sent = now;
      }
    }),
  );
  const duration = performance.now() - begin;
  const client = process.cpuUsage(clientBefore);
  const after = totalTime(pids);
  latencies.sort((a, b) => a - b);
  return {
    requests: latencies.length,
    requestsPerSecond: latencies.length / (duration / 1000),
    p50: percentile(latencies, 50),
    p95: percentile(latencies, 95),
    p99: percentile(latencies, 99),
    serverTime: before && after && (after.all - before.all) / latencies.length,
    otherThreadsTime: before && after && (after.others - before.others) / latencies.length,
    clientLoad: (client.user + client.system) / 1000 / duration,
  };
}

function totalTime(pids: readonly number[]): { all: number; others: number } | undefined {
  let all = 0;
  let others = 0;
  for (const pid of pids) {
    const time = processorTime(pid);
    if (!time) return undefined;
    all += time.firstThread + time.otherThreads;
    others += time.otherThreads;
  }
  return { all, others };
}
