// A web site for the browser tests.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..', '..');
const PAGE = '<!doctype html><meta charset="utf-8"><title>VWS</title><script type="module" src="/page.js"></script>';

/** A web site with one page. */
export interface Site {
  readonly origin: string;
  /** Paths that browsers requested. */
  readonly asked: string[];
  close(): Promise<void>;
}

/**
 * Bundles a page for browsers and serves it.
 *
 * @param entry source of the script of the page
 */
export async function openSite(entry = 'test/browser/page.ts'): Promise<Site> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [{ in: entry, out: 'page' }],
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    outdir: '/',
    write: false,
  });
  const files = new Map(outputFiles.map(({ path, text }) => [path, text]));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const script = files.get(path);
    response.setHeader('content-type', script === undefined ? 'text/html' : 'text/javascript');
    response.end(script ?? PAGE);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    asked,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
