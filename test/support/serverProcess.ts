/** The server as a bare process, for tests of its beginning and its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { settings } from '../../src/server/config/settings.ts';
import type { Settings } from './server.ts';

const PROJECT_ROOT = join(import.meta.dirname, '..', '..');

export interface ServerProcess {
  readonly child: ChildProcess;
  /** Resolves when it says that it listens. */
  readonly listening: Promise<void>;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts `src/server/main.ts` with nothing but the given settings, on a free port, and waits for nothing. */
export function spawnServer(given: Settings): ServerProcess {
  // An empty variable is as good as none, but one that a `.env` file of the project cannot set.
  const none = Object.keys(settings).flatMap((name) => [
    [name, ''],
    [`${name}_FILE`, ''],
  ]);
  const child = spawn(process.execPath, ['src/server/main.ts'], {
    cwd: PROJECT_ROOT,
    env: { ...Object.fromEntries(none), PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', ...given },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let written = '';
  const listening = new Promise<void>((resolve) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      written += text;
      if (written.includes('"listening"')) resolve();
    });
  });
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  return { child, listening, exited };
}
