// The machine that figures come from.
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly date: string;
  /** The load average of the last minute before and after, which shows other work on the machine. */
  readonly load: { readonly before: number; after?: number };
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    load: { before: currentLoad() },
  };
}

export function currentLoad(): number {
  return Math.round((loadavg()[0] ?? 0) * 10) / 10;
}

export function machineLine({ processor, processors, memoryGiB, system, node, date, load }: Machine): string {
  const loads = `load average ${load.before} before, ${load.after ?? '?'} after`;
  return `${processor}, ${processors} processors, ${memoryGiB} GiB, ${system}, Node ${node}, ${date}, ${loads}`;
}
