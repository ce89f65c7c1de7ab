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
const START_TIMEOUT = 30_000;
const POLL_INTERVAL = 20;
const NO_LIMIT = '10000000';

/** A process that is measured. */
export interface Target {
  readonly url: string;
  readonly pid: number;
  readonly folder: string;
  /** Ends the process; its data stay. */
  stop(): Promise<void>;
  /** Ends the process and removes its data. */
  dispose(): Promise<void>;
}

export interface TargetOptions {
  /** The processors to run on, or undefined for any. */
  readonly processors: readonly string[] | undefined;
  /** Where the data lie; by default a new folder. */
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The server's program; another checkout's, to compare the two. */
  readonly program?: string;
}

export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'vws-bench-'));
}

/** Starts the server as it is delivered, but for rate limits: all load comes from one address. */
export function startServer(options: TargetOptions): Promise<Target> {
  return start(options.program ?? SERVER, options);
}

/** Starts what the server is compared with. */
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
  // In its own folder, so that no .env file reaches it.
  const child = spawn(file, args, {
    cwd: folder,
    env: { ...serverEnvironment(folder), ...environment },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const exited = once(child, 'exit');
  // Nothing outlives a measurement that failed.
  const killAtExit = () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.on('exit', killAtExit);
  const url = await listeningUrl(child, logFile);

  async function stop(): Promise<void> {
    process.off('exit', killAtExit);
    child.kill('SIGTERM');
    await exited;
  }
  return {
    url,
    pid: child.pid ?? 0,
    folder,
    stop,
    async dispose() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** `VWS_BENCH_PROFILE` names a folder that the server's processor profiles are written to. */
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
    ...Object.fromEntries(limits.map((name) => [name, NO_LIMIT])),
  };
}

/** Both programs log the line that says `listening`. */
async function listeningUrl(child: ChildProcess, logFile: string): Promise<string> {
  const deadline = performance.now() + START_TIMEOUT;
  while (performance.now() < deadline && child.exitCode === null) {
    const url = /"url":"([^"]+)"/.exec(readFileSync(logFile, 'utf8'))?.[1];
    if (url) return url;
    await delay(POLL_INTERVAL);
  }
  child.kill('SIGKILL');
  throw new Error(`the program did not start:\n${readFileSync(logFile, 'utf8')}`);
}
