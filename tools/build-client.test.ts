// The npm package of the SDK: its modules, its types and its page.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { globSync, realpathSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { startServer } from '../test/support/server.ts';
import { buildClient } from './build-client.ts';

const ROOT = join(import.meta.dirname, '..');
const run = promisify(execFile);

/** With the package installed. */
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vws-package-'));
  const modules = join(folder, 'node_modules');
  await mkdir(modules);
  buildClient(ROOT, join(modules, 'vws-client'));
  for (const name of ['@noble', 'hpke'])
    await symlink(join(ROOT, 'node_modules', name), join(modules, name), 'junction');
});

after(() => rm(folder, { recursive: true }));

/** This Node.js and those on the PATH from version 20, one for each major version. */
function nodes(): Map<number, string> {
  const folders = [...new Set([...(process.env.PATH ?? '').split(delimiter), dirname(process.execPath)])];
  const found = new Map<number, string>();
  for (const file of folders.flatMap((folder) =>
    globSync('node{,.exe}', { cwd: folder }).map((f) => join(folder, f)),
  )) {
    const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' });
    const version = Number(/^v(\d+)/.exec(stdout ?? '')?.[1]);
    if (version >= 20 && !found.has(version)) found.set(version, realpathSync(file));
  }
  return found;
}

const PROGRAM = `
import { connect, parsePayload, tokenBytes, VwsError } from 'vws-client';
import { suite1 } from 'vws-client/suite1';

const [url, username] = process.argv.slice(2);
const account = { username, email: username + '@example.org', password: 'correct horse battery' };
const vws = await connect(url, { onFirstUse: () => true });
const old = await connect(url, { suite: suite1 });
await old.register(account);
await vws.login(account);
const message = await vws.encrypt(username, 'hello');
const problem = await vws.encrypt('unknown', '').catch((error) => error);
const { text, sender } = await vws.decrypt(message);
const { token } = parsePayload(tokenBytes((await vws.send(username, 'once')).token));
const opened = (await vws.open(token)).text;
const codes = [problem instanceof VwsError, problem.code];
console.log(JSON.stringify([text, sender, (await old.decrypt(message)).text, opened, ...codes]));
`;

/** Shortens the pauses, but not the deadline, because the SDK's own timer is tested, too. */
const IMPATIENT_PROGRAM = `
import { connect } from 'vws-client';

const { setTimeout } = globalThis;
globalThis.setTimeout = (callback, milliseconds) => setTimeout(callback, milliseconds > 60_000 ? milliseconds : 1);
const giveUp = new AbortController();
let attempts = 0;
const failingFetch = async (...request) => {
  new Request(...request);
  attempts += 1;
  if (attempts === 30) giveUp.abort();
  throw new TypeError('fetch failed');
};
const options = { pin: 'A'.repeat(43), deadline: 2 ** 31 - 1, signal: giveUp.signal, fetch: failingFetch };
const { code } = await connect('https://vws.example.org', options).catch((error) => error);
console.log(code + ' after ' + attempts + ' attempts');
`;

const TYPED_PROGRAM = `
import {
  connect, type DecryptedMessage, parsePayload, type Payload, type SentMessage, type Token, type Vws, VwsError,
} from 'vws-client';
import { suite1 } from 'vws-client/suite1';

export async function example(url: string): Promise<DecryptedMessage> {
  const vws: Vws = await connect(url, { suite: suite1, deadline: 1000 });
  // @ts-expect-error there is no such field
  await vws.login({ email: 'a', passwort: 'b' });
  const lost: boolean = new VwsError('identity_changed', 'x').sessionLost;
  // @ts-expect-error there is no such code
  if (lost) throw new VwsError('identity_lost', 'x');
  const sent: SentMessage = await vws.send('bob', 'text', { expiresIn: 3600, maxOpens: null, receipt: false });
  const payload: Payload = parsePayload(sent.token);
  const token: Token = payload.kind === 'token' ? payload.token : new Uint8Array(16);
  // @ts-expect-error the number of opens is not a text
  const opens: string = (await vws.open(token, { deadline: 1000 })).opens;
  return vws.decrypt(await vws.encrypt('bob', 'text', { signal: AbortSignal.timeout(10) }));
}
`;

describe('the package of the SDK', () => {
  test('runs on every installed Node.js', async (t) => {
    const server = await startServer(t);
    await writeFile(join(folder, 'program.mjs'), PROGRAM);
    const found = nodes();
    assert.ok(found.size > 0);
    for (const [version, file] of found) {
      const name = `user${version}`;
      const { stdout } = await run(file, ['program.mjs', server.url, name], { cwd: folder });
      assert.deepEqual(
        JSON.parse(stdout),
        ['hello', name, 'hello', 'once', true, 'user_not_found'],
        `Node.js ${version}`,
      );
    }
  });

  test('has a page without links to missing pages', async () => {
    const page = await readFile(join(folder, 'node_modules/vws-client/README.md'), 'utf8');
    assert.match(page, /suite 2 of the protocol:/);
    assert.doesNotMatch(page, /\]\((?!https?:|#)/);
  });

  test('prints no warning on any Node.js when a request is retried 30 times', async () => {
    await writeFile(join(folder, 'program.mjs'), IMPATIENT_PROGRAM);
    for (const [version, file] of nodes()) {
      const { stdout, stderr } = await run(file, ['program.mjs'], { cwd: folder });
      assert.deepEqual([stdout, stderr], ['aborted after 30 attempts\n', ''], `Node.js ${version}`);
    }
  });

  test('has types, for Node.js and for bundlers', async () => {
    await writeFile(join(folder, 'program.mts'), TYPED_PROGRAM);
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    for (const mode of [
      ['--module', 'nodenext'],
      ['--module', 'esnext', '--moduleResolution', 'bundler'],
    ]) {
      const args = [compiler, '--noEmit', '--strict', '--lib', 'es2024,dom', '--types', '', ...mode, 'program.mts'];
      const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
      assert.equal(status, 0, stdout);
    }
  });
});
