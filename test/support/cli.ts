// Users of the `vws` command, and a proxy between them and a server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { takeRegistrationCode } from './mail.ts';
import { newPassword } from './people.ts';
import { runVws, type StartedVws, startVws, type VwsResult } from './vws.ts';

/** A proxy in front of a server. Its address stays the same when the server is replaced. */
export interface Proxy {
  readonly url: string;
  /** The target of requests; undefined breaks every connection. */
  server: { readonly url: string } | undefined;
  /** The paths of the received requests. */
  readonly paths: string[];
  /** Forwards the next request to this path and withholds the response. Resolves when the server has responded. */
  loseResponse(path: string): Promise<void>;
}

export async function startProxy(t: TestContext, server?: { readonly url: string }): Promise<Proxy> {
  const losing = new Map<string, () => void>();
  const paths: string[] = [];
  const front = createServer(async (request, response) => {
    const path = request.url ?? '';
    paths.push(path);
    try {
      const answer = await forward(proxy.server, path, request);
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
  const proxy: Proxy = {
    url: `http://127.0.0.1:${address.port}`,
    server,
    paths,
    loseResponse: (path) => new Promise((resolve) => losing.set(path, resolve)),
  };
  return proxy;
}

async function forward(server: Proxy['server'], path: string, request: IncomingMessage): Promise<Response> {
  const body = Buffer.concat(await request.toArray());
  if (!server) throw new Error('the connection is cut');
  const { method = 'GET' } = request;
  return fetch(server.url + path, { method, ...(method === 'POST' && { body }) });
}

/** A user of the command, with a state folder of their own. */
export interface Terminal {
  readonly stateFolder: string;
  /** Runs a command in this process. The arguments are separated by spaces. */
  run(command: string, input?: string | Uint8Array): Promise<VwsResult>;
  /** Starts a command as a process. */
  start(command: string, input?: string | Uint8Array): StartedVws;
  /** Runs a command that must succeed. @returns its standard output */
  succeed(command: string, input?: string | Uint8Array): Promise<string>;
  /** Runs a command with `--json` that must succeed. @returns the result */
  json(command: string, input?: string | Uint8Array): Promise<Record<string, unknown>>;
  /** Runs a command with `--json` that must fail. @returns the exit code and the error */
  failure(command: string, input?: string | Uint8Array): Promise<[number | null, Record<string, unknown>]>;
}

export async function openTerminal(t: TestContext, { url }: { readonly url: string }): Promise<Terminal> {
  const stateFolder = await mkdtemp(join(tmpdir(), 'vws-cli-'));
  t.after(() => rm(stateFolder, { recursive: true, force: true }));
  const environment = { VWS_STATE_DIR: stateFolder, VWS_SERVER: url };
  const terminal: Terminal = {
    stateFolder,
    run: (command, input = '') => runVws(command.split(' '), { input, environment }),
    start: (command, input = '') => startVws(command.split(' '), { input, environment }),
    async succeed(command, input) {
      const { code, stdout, stderr } = await terminal.run(command, input);
      assert.equal(code, 0, `${command}: ${stderr}${stdout}`);
      return stdout;
    },
    json: async (command, input) => JSON.parse(await terminal.succeed(`${command} --json`, input)),
    async failure(command, input) {
      const { code, stdout, stderr } = await terminal.run(`${command} --json`, input);
      assert.notEqual(code, 0, stdout);
      assert.match(stdout, /^\{"error":.*\}\n$/, stderr);
      return [code, JSON.parse(stdout).error];
    },
  };
  return terminal;
}

/** Registers a user with the address `<name>@example.org`, with the code from the local mailbox. @returns the password */
export async function registerAt(terminal: Terminal, name: string, server: { readonly dataDir: string }) {
  const password = newPassword();
  await beginRegistration(terminal, `register --username ${name} --email ${name}@example.org`, password);
  await confirmRegistrationAt(terminal, `${name}@example.org`, server);
  return password;
}

/** Runs `vws register` without a line for the code. */
export async function beginRegistration(terminal: Terminal, command: string, password: string): Promise<void> {
  const { code, stderr } = await terminal.run(command, `${password}\n`);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /continue with: vws register --code/);
}

/** Continues a registration with the code from the local mailbox. */
export async function confirmRegistrationAt(
  terminal: Terminal,
  email: string,
  { dataDir }: { readonly dataDir: string },
) {
  await terminal.succeed('register --code', `${await takeRegistrationCode(dataDir, email)}\n`);
}
