// The examples of docs/sdk.md run, and its tables are complete.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { connect } from '../src/client/index.ts';
import { problems } from '../src/protocol/problems.ts';
import { codeFromMailbox, takeRegistrationCode } from './support/mail.ts';
import { startServer } from './support/server.ts';

const ROOT = join(import.meta.dirname, '..');
const page = await readFile(join(ROOT, 'docs', 'sdk.md'), 'utf8');
const examples = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);

const MODULES = { 'vws-client': 'src/client/index.ts', 'vws-client/suite1': 'src/client/suite1/suite.ts' };
const IMPORT = /^import .*;\n/gm;

/** Names that the examples use without defining them. The test answers the questions. */
const PRELUDE = `
function storageOfBrowser() {
  const inBrowser = new Map<string, string>();
  return {
    getItem: (name: string) => inBrowser.get(name) ?? null,
    setItem: (name: string, value: string) => inBrowser.set(name, value),
    removeItem: (name: string) => inBrowser.delete(name),
  };
}
const [sessionStorage, localStorage] = [storageOfBrowser(), storageOfBrowser()];
async function ask(question: string): Promise<string> {
  process.send?.(question);
  return new Promise((resolve) => process.once('message', (answer) => resolve(String(answer))));
}
`;

/** Joins the examples to one program that uses this server. */
function program(url: string, fingerprint: string): string {
  const code = examples.join('\n').replaceAll('https://vws.example.org', url).replace('THE_FINGERPRINT', fingerprint);
  const imports = (code.match(IMPORT) ?? []).join('');
  const ownImports = imports.replace(/'(vws-client[^']*)'/g, (_, name: keyof typeof MODULES) =>
    JSON.stringify(pathToFileURL(join(ROOT, MODULES[name])).href),
  );
  return ownImports + PRELUDE + code.replace(IMPORT, '');
}

describe('docs/sdk.md', () => {
  test('examples run and print what their comments promise', async (t) => {
    const server = await startServer(t);
    const folder = await mkdtemp(join(tmpdir(), 'vws-sdk-'));
    t.after(() => rm(folder, { recursive: true }));
    const { fingerprint } = await connect(server.url, { onFirstUse: () => true });
    await writeFile(join(folder, 'examples.ts'), program(server.url, fingerprint));

    const child = fork('examples.ts', { cwd: folder, silent: true });
    assert.ok(child.stdout && child.stderr);
    t.after(() => child.kill());
    child.on('message', async (question) => {
      const text = String(question);
      const [registering] = /(?<=The code for )\w+@example\.org/.exec(text) ?? [];
      if (registering) child.send(await takeRegistrationCode(server.dataDir, registering));
      else if (text.includes('mail')) child.send(await codeFromMailbox(server.dataDir, 'bob@example.org'));
      else if (text.includes('new address')) child.send(await codeFromMailbox(server.dataDir, 'robert@example.org'));
      else child.send('yes');
    });
    const [stdout, stderr, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    assert.equal(exitCode, 0, stderr);
    const promised = [...examples.join('').matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, line]) => line);
    assert.ok(promised.length >= 10, 'the pattern finds the lines that print');
    assert.deepEqual(stdout.trimEnd().split('\n'), promised);
  });

  test('shows every call', async () => {
    const files = ['vws.ts', 'tokenCalls.ts'].map((name) => readFile(join(ROOT, 'src/client', name), 'utf8'));
    const source = (await Promise.all(files)).join('\n');
    const documented = source.matchAll(/^ {3}\*\/\n {2}(?:async )?(\w+)\(/gm);
    const calls = [...documented].map(([, name]) => name).filter((name) => name !== 'constructor');
    assert.equal(calls.length, 27, 'the pattern finds the calls');
    for (const call of calls) assert.match(examples.join(''), new RegExp(`\\.${call}\\(`));
  });

  test('lists every error code, with the status of those of the server', async () => {
    const source = await readFile(join(ROOT, 'src/client/error.ts'), 'utf8');
    const union = /ClientErrorCode =([^;]*);/.exec(source)?.[1] ?? '';
    const clientCodes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => [code, '']);
    assert.ok(clientCodes.length > 0, 'the pattern finds the codes');
    const serverCodes = Object.entries(problems).map(([code, { status }]) => [code, String(status)]);
    const listed = [...page.matchAll(/^\| `(\w+)` \| (\d*) ?\| \S/gm)].map(([, code, status]) => [code, status]);
    assert.deepEqual(listed, [...clientCodes, ...serverCodes]);
  });
});
