// The end of a server whose log is no longer read.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ServerProcess, spawnServer } from './support/server.ts';

/** More than the server needs for a stop without requests, including the time for the last log lines. */
const STOP_TIMEOUT_MS = 8_000;
/** More log lines than a pipe holds. */
const REQUESTS = 1_500;

async function startServer(t: TestContext): Promise<ServerProcess & { readonly url: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'vws-log-'));
  const server = spawnServer({ DATA_DIR: folder });
  let written = '';
  server.child.stdout?.on('data', (text: string) => {
    written += text;
  });
  t.after(async () => {
    server.child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  await server.listening;
  return { ...server, url: /"url":"([^"]+)"/.exec(written)?.[1] ?? assert.fail() };
}

async function fillLog(url: string): Promise<void> {
  for (let count = 0; count < REQUESTS; count += 50) {
    await Promise.all(Array.from({ length: 50 }, async () => (await fetch(`${url}/version`)).arrayBuffer()));
  }
}

async function exitOf({ exited }: ServerProcess): Promise<unknown> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('the server is still running')), STOP_TIMEOUT_MS);
  return Promise.race([exited, promise]).finally(() => clearTimeout(timer));
}

test('SIGTERM ends a server whose log reader has stalled', async (t) => {
  const server = await startServer(t);
  server.child.stdout?.pause();
  await fillLog(server.url);
  server.child.kill('SIGTERM');
  // Lines are lost, which the signal reports.
  assert.deepEqual(await exitOf(server), { code: null, signal: 'SIGKILL' });
});

test('SIGTERM ends a server whose log reader has gone', async (t) => {
  const server = await startServer(t);
  server.child.stdout?.destroy();
  await fillLog(server.url);
  server.child.kill('SIGTERM');
  assert.deepEqual(await exitOf(server), { code: 0, signal: null });
});
