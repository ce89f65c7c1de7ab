// The measured processes: starting, finding their address, ending.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { settings } from '../../src/server/config/settings.ts';

const BENCH_FOLDER = join(import.meta.dirname, '..');
const SERVER = join(BENCH_FOLDER, '..', 'src', 'server', 'main.ts');
const FLOOR = join(BENCH_FOLDER, 'floor.ts');
const START_TIMEOUT_MS = 30_000;
const POLL_INTERVAL_MS = 20;
const NO_LIMIT = '10000000';

/** A process that is measured. */
export interface Target {
  readonly url: string;
  readonly pid: number;
  readonly folder: string;
}

interface TargetOptions {
  /** The processors to run on, or undefined for any. */
  readonly processors: readonly string[] | undefined;
  /** The data folder; by default a new one. */
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The program of the server; by default the one of this checkout. */
  readonly program?: string;
}

/** Each process with its data folder. */
const running = new Map<ChildProcess, string>();
// A failed measurement leaves no process behind.
process.on('exit', () => {
  for (const [child, folder] of running) {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});

export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'vws-bench-'));
}

/**
 * Starts the server with its defaults, except for the rate limits, since all load comes from one address, and for short
 * ciphertexts, which the floor and earlier results do not have.
 */
export function startServer(options: TargetOptions): Promise<Target> {
  return start(options.program ?? SERVER, options);
}

/** Starts the floor, the minimal server of the comparisons. */
export function startFloor(options: TargetOptions): Promise<Target> {
  return start(FLOOR, options);
}

async function start(
  program: string,
  { processors, folder = makeFolder(), environment }: TargetOptions,
): Promise<Target> {
  const logFile = join(folder, 'log');
  const output = openSync(logFile, 'w');
  const command = [process.execPath, ...nodeOptions(program), program];
  const [file = '', ...args] = processors ? ['taskset', '-c', processors.join(','), ...command] : command;
  // In its own folder, where there is no .env file.
  const child = spawn(file, args, {
    cwd: folder,
    env: { ...serverEnvironment(folder), ...environment },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  running.set(child, folder);
  return { url: await listeningUrl(child, logFile), pid: child.pid ?? 0, folder };
}

/** Ends all processes and removes their data. */
export async function disposeTargets(): Promise<void> {
  for (const [child, folder] of running) {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
    running.delete(child);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes the server's CPU profiles to the folder in `VWS_BENCH_PROFILE`. */
function nodeOptions(program: string): string[] {
  const folder = process.env.VWS_BENCH_PROFILE;
  return folder && program !== FLOOR ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : [];
}

function serverEnvironment(folder: string): Record<string, string> {
  const limits = Object.keys(settings).filter((name) => name.startsWith('RATE_'));
  return {
    PATH: process.env.PATH ?? '',
    HOST: '127.0.0.1',
    PORT: '0',
    DATA_DIR: folder,
    VWS_SHORT_CIPHERTEXTS: 'off',
    ...Object.fromEntries(limits.map((name) => [name, NO_LIMIT])),
  };
}

/** Waits for the address, which both programs log when they listen. */
async function listeningUrl(child: ChildProcess, logFile: string): Promise<string> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const url = /"url":"([^"]+)"/.exec(readFileSync(logFile, 'utf8'))?.[1];
    if (url) return url;
    await delay(POLL_INTERVAL_MS);
  }
  child.kill('SIGKILL');
  throw new Error(`the program did not start:\n${readFileSync(logFile, 'utf8')}`);
}
