// The real server as a process of its own.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { settings } from '../../src/server/config/settings.ts';
import { createDatabase } from './postgres.ts';
import { postgresUrl } from './store.ts';

const PROJECT_ROOT = join(import.meta.dirname, '..', '..');
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

/** Environment variables of the server, by name. */
export type Settings = Record<string, string>;

const NO_LIMIT = '10000000';
/** Rate limits that no test reaches. */
export const UNLIMITED = {
  RATE_HANDSHAKES_PER_MINUTE: NO_LIMIT,
  RATE_LOGINS_PER_MINUTE: NO_LIMIT,
  RATE_FAILED_LOGINS_PER_MINUTE: NO_LIMIT,
  RATE_FAILED_LOGINS_PER_DAY: NO_LIMIT,
  RATE_REGISTRATIONS_PER_MINUTE: NO_LIMIT,
  RATE_REGISTRATIONS_PER_HOUR: NO_LIMIT,
  RATE_RECOVERIES_PER_MINUTE: NO_LIMIT,
  RATE_RECOVERY_MAILS_PER_HOUR: NO_LIMIT,
  RATE_MAILS_PER_HOUR: NO_LIMIT,
  RATE_RENAMES_PER_MONTH: NO_LIMIT,
  RATE_MESSAGES_PER_MINUTE: NO_LIMIT,
  RATE_UNKNOWN_SESSIONS_PER_MINUTE: NO_LIMIT,
} satisfies Settings;

/** One run of the server. */
export interface ServerProcess {
  readonly child: ChildProcess;
  /** Resolves with the server's URL once it is listening; stays pending if the process ends first. */
  readonly listening: Promise<string>;
  /** Resolves when the process has ended and its output is complete. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** A server on a free port of the loopback interface, with its own data folder, that can be stopped and restarted. */
export interface TestServer {
  /** Changes with every start. */
  readonly url: string;
  readonly dataDir: string;
  /** On PostgreSQL: the server's own database, unless a setting names another one. */
  readonly databaseUrl: string | undefined;
  /** Output so far, previous runs included. */
  readonly stdout: string;
  readonly stderr: string;
  /** Sends SIGTERM, waits for the exit and asserts that it was a clean one. */
  stop(): Promise<void>;
  /** Sends SIGKILL and waits for the exit. Fails if the process ended earlier. */
  kill(): Promise<void>;
  /** Starts the stopped or killed server again, on the same data. */
  start(): Promise<void>;
}

/** Starts `src/server/main.ts` with the given settings only, on a free port, without waiting for anything. */
export function spawnServer(
  given: Settings,
  onOutput: (stream: 'stdout' | 'stderr', text: string) => void = () => {},
): ServerProcess {
  const child = spawn(process.execPath, ['src/server/main.ts'], {
    cwd: PROJECT_ROOT,
    env: cleanEnvironment(given),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const listening = new Promise<string>((resolve) => {
    let written = '';
    let url: string | undefined;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      onOutput('stdout', text);
      if (url) return;
      written += text;
      url = listeningUrl(written);
      if (url) resolve(url);
    });
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => onOutput('stderr', text));
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  return { child, listening, exited };
}

/**
 * Starts the server with the given settings only and waits until it is listening. When the test ends, the server is
 * stopped (which must succeed) and its data folder removed.
 */
export async function startServer(t: Pick<TestContext, 'after'>, given: Settings = {}): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vws-test-'));
  const database = postgresUrl && !given.DATABASE_URL ? await createDatabase(postgresUrl) : undefined;
  const environment = { DATA_DIR: dataDir, ...(database && { DATABASE_URL: database.url }), ...given };
  const output = { stdout: '', stderr: '' };
  let current: ServerProcess | undefined;
  let url = '';

  async function start(): Promise<void> {
    assert.equal(current, undefined, 'the server is already running');
    const started = spawnServer(environment, (stream, text) => {
      output[stream] += text;
    });
    const found = await withTimeout(started, START_TIMEOUT_MS, () => Promise.race([started.listening, started.exited]));
    assert.ok(typeof found === 'string', `the server did not start:\n${output.stdout}\n${output.stderr}`);
    current = started;
    url = found;
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL', expected: object): Promise<void> {
    assert.ok(current, 'the server is not running');
    const ending = current;
    current = undefined;
    ending.child.kill(signal);
    const exit = await withTimeout(ending, STOP_TIMEOUT_MS, () => ending.exited);
    assert.deepEqual(exit, expected, `unexpected end after ${signal}:\n${output.stderr}`);
  }

  const stop = () => end('SIGTERM', { code: 0, signal: null });
  t.after(async () => {
    try {
      if (current) await stop();
    } finally {
      await database?.drop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
  await start();
  return {
    get url() {
      return url;
    },
    dataDir,
    databaseUrl: database?.url,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    stop,
    kill: () => end('SIGKILL', { code: null, signal: 'SIGKILL' }),
    start,
  };
}

/** Kills the process when the time is up. */
export async function withTimeout<T>({ child }: ServerProcess, milliseconds: number, wait: () => Promise<T>) {
  const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
  return wait().finally(() => clearTimeout(timer));
}

/** Sets every variable, to an empty text by default, so that a `.env` file of the project cannot affect the tests. */
function cleanEnvironment(given: Settings): Settings {
  const empty = Object.keys(settings).flatMap((name) => [
    [name, ''],
    [`${name}_FILE`, ''],
  ]);
  const inherited = ['PATH', 'HOME', 'NODE_COMPILE_CACHE'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries([...empty, ...inherited]), HOST: '127.0.0.1', PORT: '0', ...given };
}

/** @returns the URL in the log line `listening` */
function listeningUrl(log: string): string | undefined {
  for (const line of log.split('\n').filter((line) => line.includes('"listening"') && line.endsWith('}'))) {
    const entry = JSON.parse(line) as { msg?: unknown; url?: unknown };
    if (entry.msg === 'listening' && typeof entry.url === 'string') return entry.url;
  }
  return undefined;
}
