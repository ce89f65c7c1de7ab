/** The `vws` command as a process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const PROJECT_ROOT = join(import.meta.dirname, '..', '..');
const PATIENCE_MILLISECONDS = 60_000;

export interface VwsResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function runVws(...args: string[]): Promise<VwsResult> {
  return startVws(args).result;
}

/** Kills a command in the moment in which it says `line` on its standard error. */
export async function killVwsAt(line: string, ...args: string[]): Promise<VwsResult> {
  const { child, result } = startVws(args);
  let said = '';
  child.stderr?.on('data', (text: string) => {
    said += text;
    if (said.includes(`${line}\n`)) child.kill('SIGKILL');
  });
  return result;
}

export interface StartedVws {
  readonly child: ChildProcess;
  readonly result: Promise<VwsResult>;
}

/** Starts a command. Without an input, the end of the input is all that it can read. */
export function startVws(
  args: readonly string[],
  { input = '', environment = {} }: { input?: string | Uint8Array; environment?: Record<string, string> } = {},
): StartedVws {
  const child = spawn(process.execPath, [join(PROJECT_ROOT, 'src', 'cli', 'main.ts'), ...args], {
    cwd: PROJECT_ROOT,
    // Empty, so that a `.env` file of the project cannot reach the tests.
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', DATABASE_CA_FILE: '', ...environment },
    stdio: 'pipe',
    timeout: PATIENCE_MILLISECONDS,
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
