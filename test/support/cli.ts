/** People at their terminals: the `vws` command as a process, a real server, and the line between the two. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { newPassword } from './people.ts';
import { type Settings, startServer, type TestServer } from './server.ts';
import { type StartedVws, startVws, type VwsResult } from './vws.ts';

/** The line to a server, whose address stays the same whatever becomes of the server. */
export interface Line {
  readonly url: string;
  /** Where requests go; undefined breaks every connection. */
  server: { readonly url: string } | undefined;
  /** The paths of the requests that came. */
  readonly paths: string[];
  /** Lets the next request to this path through and keeps its answer for ever. @returns when there was one */
  loseAnswer(path: string): Promise<void>;
}

export async function startLine(t: TestContext, server?: { readonly url: string }): Promise<Line> {
  const losing = new Map<string, () => void>();
  const paths: string[] = [];
  const front = createServer(async (request, response) => {
    const path = request.url ?? '';
    paths.push(path);
    try {
      const answer = await forward(line.server, path, request);
      const lose = losing.get(path);
      losing.delete(path);
      if (lose) return lose();
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    } catch {
      request.socket.destroy();
    }
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  t.after(() => {
    front.close();
    front.closeAllConnections();
  });
  const address = front.address();
  assert.ok(address && typeof address === 'object');
  const line: Line = {
    url: `http://127.0.0.1:${address.port}`,
    server,
    paths,
    loseAnswer: (path) => new Promise((resolve) => losing.set(path, resolve)),
  };
  return line;
}

async function forward(server: Line['server'], path: string, request: IncomingMessage): Promise<Response> {
  const body = Buffer.concat(await request.toArray());
  if (!server) throw new Error('the line is cut');
  const { method = 'GET' } = request;
  return fetch(server.url + path, { method, ...(method === 'POST' && { body }) });
}

/** Somebody who uses the command, and what it keeps for them. */
export interface Terminal {
  readonly stateFolder: string;
  /** Runs a command, its arguments separated by spaces, with these lines or bytes as its input. */
  run(command: string, input?: string | Uint8Array): Promise<VwsResult>;
  start(command: string, input?: string | Uint8Array): StartedVws;
  /** Runs a command that must be done. @returns what it printed */
  done(command: string, input?: string | Uint8Array): Promise<string>;
  /** The same with `--json`. */
  json(command: string, input?: string | Uint8Array): Promise<Record<string, unknown>>;
  /** Runs a command with `--json` that must fail. @returns the exit code and the error */
  failure(command: string, input?: string | Uint8Array): Promise<[number | null, Record<string, unknown>]>;
}

export async function openTerminal(t: TestContext, { url }: { readonly url: string }): Promise<Terminal> {
  const stateFolder = await mkdtemp(join(tmpdir(), 'vws-cli-'));
  t.after(() => rm(stateFolder, { recursive: true, force: true }));
  const start: Terminal['start'] = (command, input = '') =>
    startVws(command.split(' '), { input, environment: { VWS_STATE_DIR: stateFolder, VWS_SERVER: url } });
  const run: Terminal['run'] = (command, input) => start(command, input).result;
  const terminal: Terminal = {
    stateFolder,
    start,
    run,
    async done(command, input) {
      const { code, stdout, stderr } = await run(command, input);
      assert.equal(code, 0, `${command}: ${stderr}${stdout}`);
      return stdout;
    },
    json: async (command, input) => JSON.parse(await terminal.done(`${command} --json`, input)),
    async failure(command, input) {
      const { code, stdout, stderr } = await run(`${command} --json`, input);
      assert.notEqual(code, 0, stdout);
      assert.match(stdout, /^\{"error":.*\}\n$/, stderr);
      return [code, JSON.parse(stdout).error];
    },
  };
  return terminal;
}

/** A server, the line to it, and the terminals of two users at the other end. */
export async function startCliHarness(t: TestContext, settings?: Settings) {
  const server: TestServer = await startServer(t, settings);
  const line = await startLine(t, server);
  return { server, line, ann: await openTerminal(t, line), bob: await openTerminal(t, line) };
}

/** Makes an account, whose name is the beginning of its address, too. @returns the password */
export async function registerAt(terminal: Terminal, name: string): Promise<string> {
  const password = newPassword();
  await terminal.done(`register --username ${name} --email ${name}@example.org`, `${password}\n`);
  return password;
}
