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
const START_MILLISECONDS = 15_000;
const STOP_MILLISECONDS = 10_000;

/** Environment variables of the server, by name. */
export type Settings = Record<string, string>;

/** A real server process on a free port of the loopback interface, with a data folder of its own. */
export interface TestServer {
  /** Changes with every start. */
  readonly url: string;
  readonly dataDir: string;
  /** In the runs on PostgreSQL: the database of this server, unless a setting named another one. */
  readonly databaseUrl: string | undefined;
  /** All that the process wrote so far, restarts included. */
  readonly stdout: string;
  readonly stderr: string;
  /** SIGTERM; awaits the exit and asserts that it was a clean one. */
  stop(): Promise<void>;
  /** SIGKILL; awaits the exit. Fails if the process had ended by itself before. */
  kill(): Promise<void>;
  /** Starts the stopped or killed server again, on the same data. */
  start(): Promise<void>;
}

/**
 * Starts `src/server/main.ts` with nothing but the given settings and waits until it listens. When the test ends, the
 * server is stopped (which must succeed) and its data folder removed.
 */
export async function startServer(t: TestContext, given: Settings = {}): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vws-test-'));
  const database = postgresUrl && !given.DATABASE_URL ? await createDatabase(postgresUrl) : undefined;
  const environment = cleanEnvironment({
    DATA_DIR: dataDir,
    ...(database && { DATABASE_URL: database.url }),
    ...given,
  });
  const written = { stdout: '', stderr: '' };
  let child: ChildProcess | undefined;
  let exited: Promise<unknown[]> = Promise.resolve([]);
  let url = '';

  async function start(): Promise<void> {
    assert.equal(child, undefined, 'the server is already running');
    const started = spawn(process.execPath, ['src/server/main.ts'], {
      cwd: PROJECT_ROOT,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    exited = once(started, 'close');
    const earlier = written.stdout.length;
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      written.stderr += text;
    });
    started.stdout.setEncoding('utf8');
    const listening = new Promise<string>((resolve) => {
      let found: string | undefined;
      started.stdout.on('data', (text: string) => {
        written.stdout += text;
        found ??= listeningUrl(written.stdout.slice(earlier));
        if (found) resolve(found);
      });
    });
    const impatience = setTimeout(() => started.kill('SIGKILL'), START_MILLISECONDS);
    const found = await Promise.race([listening, exited]).finally(() => clearTimeout(impatience));
    assert.ok(typeof found === 'string', `the server did not start:\n${written.stdout}\n${written.stderr}`);
    child = started;
    url = found;
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<unknown[]> {
    assert.ok(child, 'the server is not running');
    const ending = child;
    child = undefined;
    ending.kill(signal);
    const impatience = setTimeout(() => ending.kill('SIGKILL'), STOP_MILLISECONDS);
    try {
      return await exited;
    } finally {
      clearTimeout(impatience);
    }
  }

  async function stop(): Promise<void> {
    const [code, signal] = await end('SIGTERM');
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, `SIGTERM did not end it cleanly:\n${written.stderr}`);
  }

  async function kill(): Promise<void> {
    const [code, signal] = await end('SIGKILL');
    assert.deepEqual({ code, signal }, { code: null, signal: 'SIGKILL' }, `it had ended by itself:\n${written.stderr}`);
  }

  t.after(async () => {
    try {
      if (child) await stop();
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
      return written.stdout;
    },
    get stderr() {
      return written.stderr;
    },
    stop,
    kill,
    start,
  };
}

/** Every variable is given, if only as an empty text, so that a `.env` file of the project cannot reach the tests. */
function cleanEnvironment(given: Settings): Settings {
  const empty = Object.keys(settings).flatMap((name) => [
    [name, ''],
    [`${name}_FILE`, ''],
  ]);
  return {
    ...Object.fromEntries(empty),
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    HOST: '127.0.0.1',
    PORT: '0',
    ...given,
  };
}

/** The URL in the log line that says `listening`. */
function listeningUrl(log: string): string | undefined {
  for (const line of log.split('\n').filter((line) => line.includes('"listening"') && line.endsWith('}'))) {
    const entry = JSON.parse(line) as { msg?: unknown; url?: unknown };
    if (entry.msg === 'listening' && typeof entry.url === 'string') return entry.url;
  }
  return undefined;
}
