/** `bin/vws.cjs` in a checkout of its own, with stand-ins for npm and for the command itself. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

const PROJECT_ROOT = join(import.meta.dirname, '..', '..');

/** Makes a node_modules; a Node.js in it says which one it is and runs what it is given on the real one. */
const FAKE_NPM = `#!/usr/bin/env node
const fs = require('node:fs');
if (process.env.FAKE_NPM === 'fail') process.exit(7);
for (const name of ['bin-darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'win-x64']) {
  const bin = 'node_modules/node-' + name + '/bin';
  fs.mkdirSync(bin, { recursive: true });
  const script = '#!/bin/sh\\n[ "$1" = --version ] && echo v26.10.0 && exit\\nRUNS_ON=own exec "' + process.execPath + '" "$@"\\n';
  fs.writeFileSync(bin + '/node', script, { mode: 0o755 });
}
`;

/** Stands in for src/cli/main.ts. */
const FAKE_MAIN = `
const args: string[] = process.argv.slice(2);
if (args[0] === 'wait') {
  process.on('SIGTERM', () => process.exit(9));
  setInterval(() => {}, 1_000);
}
if (args[0] === 'die') process.kill(process.pid, 'SIGKILL');
process.stdout.write(JSON.stringify({ args, runsOn: process.env.RUNS_ON ?? 'the same' }) + '\\n');
process.exitCode = args.length;
`;

let root: string;

beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), 'vws-bin-')), 'a check out');
  for (const folder of ['bin', join('tools', 'setup'), join('tools', 'setup.cjs')]) {
    cpSync(join(PROJECT_ROOT, folder), join(root, folder), { recursive: true });
  }
  mkdirSync(join(root, 'tools', 'node'));
  mkdirSync(join(root, 'src', 'cli'), { recursive: true });
  mkdirSync(join(dirname(root), 'path'));
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(root, 'package-lock.json'), '{}');
  writeFileSync(join(root, 'tools', 'node', 'package-lock.json'), '{}');
  writeFileSync(join(root, 'src', 'cli', 'main.ts'), FAKE_MAIN);
  writeFileSync(join(dirname(root), 'path', 'npm'), FAKE_NPM);
  chmodSync(join(dirname(root), 'path', 'npm'), 0o755);
});

afterEach(() => rmSync(dirname(root), { recursive: true, force: true }));

/** Starts the launcher, as it is or as if on a Node.js of another version. */
function start(args: readonly string[], { version, ...environment }: Record<string, string> = {}) {
  const { npm_execpath: _, ...inherited } = process.env;
  const launcher = join(root, 'bin', 'vws.cjs');
  const node = JSON.stringify({ version, path: '/usr/bin/node' });
  const call = `require(process.argv[1]).main(process.argv[2], ${node}, process.argv.slice(3))`;
  const child = spawn(process.execPath, version ? ['-e', call, launcher, root, ...args] : [launcher, ...args], {
    timeout: 30_000,
    env: {
      ...inherited,
      PATH: [join(dirname(root), 'path'), dirname(process.execPath)].join(delimiter),
      ...environment,
    },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text));
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...output }));
  return { child, ended };
}

const OLD = { version: '20.1.0' };

test('a fresh checkout is made ready, and what that says stays off the standard output', async () => {
  const first = await start(['a b', '--c="d"', '']).ended;
  assert.equal(first.code, 3, first.stderr);
  assert.deepEqual(JSON.parse(first.stdout), { args: ['a b', '--c="d"', ''], runsOn: 'the same' });
  assert.match(first.stderr, /^\[setup\] Installing the packages/);
  const second = await start([]).ended;
  assert.deepEqual([second.code, second.stderr], [0, '']);
});

test('an old Node.js hands over to the one of the checkout, with arguments and exit code', async () => {
  const { code, stdout, stderr } = await start(['a b', '--c="d"', ''], OLD).ended;
  assert.equal(code, 3, stderr);
  assert.deepEqual(JSON.parse(stdout), { args: ['a b', '--c="d"', ''], runsOn: 'own' });
});

test('SIGTERM reaches the command, whose exit code counts', async () => {
  const { child, ended } = start(['wait'], OLD);
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  assert.equal((await ended).code, 9);
});

test('a command that was killed is no success', async () => {
  assert.equal((await start(['die'], OLD).ended).code, 128 + 9);
});

test('when the checkout cannot be made ready, nothing runs', async () => {
  const { code, stdout, stderr } = await start(['a'], { FAKE_NPM: 'fail' }).ended;
  assert.notEqual(code, 0);
  assert.equal(stdout, '');
  assert.match(stderr, /Could not install the packages/);
});
