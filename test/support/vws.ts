// The `vws` command: inside the test's process, or as a process of its own where that is the subject.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { runProgram } from '../../src/cli/program.ts';
import { Shell } from '../../src/cli/terminal/shell.ts';

const PROJECT_ROOT = join(import.meta.dirname, '..', '..');
const PROCESS_TIMEOUT_MS = 60_000;

export interface VwsResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface VwsOptions {
  /** The standard input; by default it is empty. */
  readonly input?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs a command in this process. */
export async function runVws(args: readonly string[], options: VwsOptions = {}): Promise<VwsResult> {
  const { input = '', environment = {} } = options;
  const written = { stdout: '', stderr: '' };
  const capture = (name: keyof typeof written) =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += chunk;
        done();
      },
    });
  const streams = {
    stdin: Readable.from([Buffer.from(input)]),
    stdout: capture('stdout'),
    stderr: capture('stderr'),
    env: { HOME: '/nowhere', DATABASE_CA_FILE: '', ...environment },
  };
  const code = await runProgram(args, new Shell(streams as never));
  return { code, signal: null, ...written };
}

/** Kills a command when it writes `line` to its standard error. */
export async function killVwsAt(line: string, ...args: string[]): Promise<VwsResult> {
  const { child, result } = startVws(args);
  let written = '';
  child.stderr?.on('data', (text: string) => {
    written += text;
    if (written.includes(`${line}\n`)) child.kill('SIGKILL');
  });
  return result;
}

export interface StartedVws {
  readonly child: ChildProcess;
  readonly result: Promise<VwsResult>;
}

/** Starts a command as a process. */
export function startVws(args: readonly string[], { input = '', environment = {} }: VwsOptions = {}): StartedVws {
  const child = spawn(process.execPath, [join(PROJECT_ROOT, 'src', 'cli', 'main.ts'), ...args], {
    cwd: PROJECT_ROOT,
    // DATABASE_CA_FILE is empty so that a `.env` file of the project does not affect the tests.
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', DATABASE_CA_FILE: '', ...environment },
    stdio: 'pipe',
    timeout: PROCESS_TIMEOUT_MS,
  });
  // Not every command reads its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const written = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written.stderr += text;
  });
  const result = once(child, 'close').then(([code, signal]) => ({ code, signal, ...written }));
  return { child, result };
}
