// The launcher in a checkout of its own, with stand-ins for npm and for the programs that it runs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

const PROJECT_ROOT = join(import.meta.dirname, '..');
const OLD_NODE = '20.1.0';

/** Records the call, behaves as FAKE_NPM requests, and creates a node_modules with a Node.js that runs the real one. */
const FAKE_NPM = `#!/usr/bin/env node
const fs = require('node:fs');
const path = require('node:path');
console.log('chatter');
const [command] = process.argv.slice(2);
const scope = process.argv.includes('--omit=dev') ? 'production' : 'all';
fs.appendFileSync(process.env.CALLS, [path.basename(process.cwd()), command, scope, process.pid].join(' ') + '\\n');
if (command === 'ci') fs.rmSync('node_modules', { recursive: true, force: true });
fs.mkdirSync('node_modules/half', { recursive: true });
if (path.basename(process.cwd()) === 'video') {
  fs.mkdirSync('node_modules/@mediabunny/server', { recursive: true });
  fs.writeFileSync('node_modules/@mediabunny/server/package.json', '{}');
}
if (process.env.FAKE_NPM === 'fail') {
  console.error('npm error no network');
  process.exit(7);
}
if (process.env.FAKE_NPM === 'hang') {
  const mayEnd = () => fs.existsSync(process.env.CALLS + '.go') || !fs.existsSync(process.env.CALLS);
  const wait = setInterval(() => mayEnd() && clearInterval(wait), 20);
}
for (const name of ['bin-darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'win-x64']) {
  const bin = 'node_modules/node-' + name + '/bin';
  fs.mkdirSync(bin, { recursive: true });
  const version = process.env.FAKE_NODE || 'v26.10.0';
  const script = '#!/bin/sh\\n[ "$1" = --version ] && echo ' + version + ' && exit\\n';
  fs.writeFileSync(bin + '/node', script + 'RUNS_ON=packaged exec "' + process.execPath + '" "$@"\\n', { mode: 0o755 });
}
`;

/** Stands in for src/cli/main.ts and tools/check.ts. */
const FAKE_PROGRAM = `
const args: string[] = process.argv.slice(2);
if (args[0] === 'wait') {
  process.on('SIGTERM', () => process.exit(9));
  setInterval(() => {}, 1_000);
}
if (args[0] === 'die') process.kill(process.pid, 'SIGKILL');
const { main } = import.meta;
process.stdout.write(JSON.stringify({ args, main, runsOn: process.env.RUNS_ON ?? 'this' }) + '\\n');
process.exitCode = args.length;
`;

let temporary: string;
let root: string;
let calls: string;

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'vws-run-'));
  root = join(temporary, 'a check out');
  calls = join(temporary, 'calls');
  for (const folder of ['tools/node', 'tools/video', 'src/cli']) mkdirSync(join(root, folder), { recursive: true });
  for (const path of ['bin', 'tools/run.cjs', 'tools/setup']) {
    cpSync(join(PROJECT_ROOT, path), join(root, path), { recursive: true });
  }
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  for (const folder of ['.', 'tools/node', 'tools/video']) writeFileSync(join(root, folder, 'package-lock.json'), '{}');
  for (const file of ['src/cli/main.ts', 'tools/check.ts']) writeFileSync(join(root, file), FAKE_PROGRAM);
  mkdirSync(join(temporary, 'bin'));
  writeFileSync(join(temporary, 'bin', 'npm'), FAKE_NPM, { mode: 0o755 });
});

afterEach(() => rmSync(temporary, { recursive: true, force: true }));

/** Starts a command, by default `vws` on this Node.js; with `version`, as if on another. */
function start(
  args: readonly string[] = [],
  { version, command = 'vws', ...environment }: Record<string, string> = {},
) {
  const { npm_execpath: _, ...inherited } = process.env;
  const call = 'require(process.argv[1]).main(...process.argv.slice(2, 5), process.argv.slice(5))';
  const program =
    version === undefined
      ? [join(root, 'bin', 'vws.cjs')]
      : ['-e', call, join(root, 'tools', 'run.cjs'), root, version, command];
  const PATH = [join(temporary, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter);
  const child = spawn(process.execPath, [...program, ...args], {
    env: { ...inherited, PATH, CALLS: calls, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text));
  // The exit of the process, not the end of its pipes: an npm that outlives it holds them open.
  const ended = once(child, 'exit').then(async ([code]) => {
    await delay(20);
    return { code, ...output };
  });
  return { child, output, ended };
}

const run = (...given: Parameters<typeof start>) => start(...given).ended;
/** The installation that `vws hide` and `vws reveal` start. */
async function installVideo(environment: Record<string, string> = {}) {
  const PATH = [join(temporary, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter);
  const { npm_execpath: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [join(root, 'tools', 'setup', 'video.cjs')], {
    env: { ...inherited, PATH, CALLS: calls, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const [code] = await once(child, 'close');
  return { code, stderr };
}

const installs = () => (existsSync(calls) ? readFileSync(calls, 'utf8').trimEnd().split('\n') : []);
/** The folder, the command and the scope of each call of npm. */
const npmCalls = () => installs().map((line) => line.replace(/ \d+$/, ''));
const lastNpmPid = () => Number(installs().at(-1)?.split(' ').at(-1));
const hasLock = () => existsSync(join(root, '.setup-lock'));
const npmHangs = () => npmCalls().length > 0 && existsSync(join(root, 'node_modules', 'half'));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(20);
}

describe('a command', () => {
  test('installs the production packages once, then runs as the main program', async () => {
    const first = await run(['a b', '--c="d"', '']);
    assert.equal(first.code, 3, first.stderr);
    assert.deepEqual(JSON.parse(first.stdout), { args: ['a b', '--c="d"', ''], main: true, runsOn: 'this' });
    assert.match(first.stderr, /^\[setup\] Installing the packages \(/);
    assert.equal(hasLock(), false);
    const second = await run();
    assert.deepEqual([second.code, second.stderr], [0, '']);
    assert.deepEqual(npmCalls(), ['a check out ci production']);
  });

  test('for development adds its packages and removes none', async () => {
    await run();
    assert.equal((await run([], { version: '26.0.0', command: 'check' })).code, 0);
    await run();
    assert.deepEqual(npmCalls(), ['a check out ci production', 'a check out install all']);
  });

  test('installs again when the lock file has changed', async () => {
    await run();
    writeFileSync(join(root, 'package-lock.json'), '{ "packages": {} }');
    assert.equal((await run()).code, 0);
    assert.equal(npmCalls().length, 2);
  });

  test('does not run when npm fails: reports the reason and what is needed, and installs again the next time', async () => {
    await run();
    const lockFile = readFileSync(join(root, 'package-lock.json'));
    writeFileSync(join(root, 'package-lock.json'), '{ "packages": {} }');
    const { code, stdout, stderr } = await run([], { FAKE_NPM: 'fail' });
    assert.deepEqual([code, stdout], [7, '']);
    assert.match(stderr, /npm error no network\n(?:.*\n)*\[setup\] Needed: npm, its registry \(network access\)/);
    assert.equal(hasLock(), false);
    writeFileSync(join(root, 'package-lock.json'), lockFile);
    assert.equal((await run()).code, 0);
    assert.equal(npmCalls().length, 3);
  });

  test('reports a missing npm', async () => {
    rmSync(join(temporary, 'bin', 'npm'));
    const { code, stderr } = await run([], { PATH: temporary });
    assert.equal(code, 1);
    assert.match(stderr, /npm does not start/);
  });

  test('must exist', async () => {
    const { code, stderr } = await run([], { version: '26.0.0', command: 'begin' });
    assert.equal(code, 1);
    assert.match(stderr, /Unknown command\. Available: start, /);
  });
});

describe('setups that are interrupted or run at once', () => {
  test('SIGTERM ends npm, releases the lock and does not count as done', async () => {
    const { child, ended } = start([], { FAKE_NPM: 'hang' });
    await until(npmHangs);
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    assert.equal(code, 143);
    assert.match(stderr, /interrupted/);
    assert.throws(() => process.kill(lastNpmPid(), 0), { code: 'ESRCH' });
    assert.equal(hasLock(), false);
    assert.equal((await run()).code, 0);
    assert.equal(npmCalls().length, 2);
  });

  test('four at once install once', async () => {
    const setups = await Promise.all(Array.from({ length: 4 }, () => run()));
    assert.deepEqual(
      setups.map(({ code }) => code),
      [0, 0, 0, 0],
    );
    assert.equal(npmCalls().length, 1);
  });

  test('after SIGKILL the next setup waits until npm has ended, then takes over the lock', async () => {
    const first = start([], { FAKE_NPM: 'hang' });
    await until(npmHangs);
    first.child.kill('SIGKILL');
    await first.ended;
    const second = start();
    await until(() => second.output.stderr.includes('Waiting for another setup'));
    assert.equal(npmCalls().length, 1);
    writeFileSync(`${calls}.go`, '');
    assert.equal((await second.ended).code, 0);
    assert.equal(npmCalls().length, 2);
    assert.equal(hasLock(), false);
  });
});

describe('an old Node.js', () => {
  test('gets a newer one, which runs the program with its arguments and exit code', async () => {
    const { code, stdout, stderr } = await run(['a b', '--c="d"', ''], { version: OLD_NODE });
    assert.equal(code, 3, stderr);
    assert.deepEqual(JSON.parse(stdout), { args: ['a b', '--c="d"', ''], main: true, runsOn: 'packaged' });
    assert.match(stderr, /Installing Node\.js 26 for this folder, because 20\.1\.0 is too old \(/);
    assert.deepEqual(npmCalls(), ['a check out ci production', 'node ci all']);

    assert.equal((await run(['die'], { version: OLD_NODE })).code, 128 + 9);
    const waiting = start(['wait'], { version: OLD_NODE });
    await once(waiting.child.stdout, 'data');
    waiting.child.kill('SIGTERM');
    const { code: exitCode, stderr: second } = await waiting.ended;
    assert.deepEqual([exitCode, second], [9, '']);
  });

  test('gets advice if the packaged one cannot be used, and another attempt the next time', async () => {
    const { code, stderr } = await run([], { version: OLD_NODE, FAKE_NODE: 'v25.1.0' });
    assert.equal(code, 1);
    assert.match(stderr, /its version is "v25\.1\.0".*\n\[setup\] Install Node\.js 26 or newer/);
    assert.equal((await run([], { version: OLD_NODE })).code, 0);
  });

  test('finds every platform pinned with its integrity', () => {
    const { packages } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'tools/node/package-lock.json'), 'utf8')) as {
      packages: Record<string, { version: string; integrity: string; optional: boolean }>;
    };
    const { '': _, ...pinned } = packages;
    const source = readFileSync(join(PROJECT_ROOT, 'tools/setup/node.cjs'), 'utf8');
    const named = [...source.matchAll(/'(node-[\w-]+)'/g)].map(([, name]) => `node_modules/${name}`);
    assert.deepEqual(Object.keys(pinned).sort(), named.sort());
    for (const { version, integrity, optional } of Object.values(pinned)) {
      assert.match(version, /^26\./);
      assert.match(integrity, /^sha512-/);
      assert.equal(optional, true);
    }
  });
});

describe('video codecs', () => {
  const linked = () => existsSync(join(root, 'node_modules', '@mediabunny', 'server', 'package.json'));

  test('are installed once, with one line, and not by other commands', async () => {
    await run();
    await run([], { version: '26.0.0', command: 'check' });
    assert.equal(npmCalls().includes('video ci all'), false);
    const { code, stderr } = await installVideo();
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^\[setup\] Installing video support once: [^\n]+ \(npm, up to 180 MB\) \.\.\.\n$/);
    assert.equal(linked(), true);
    assert.deepEqual(await installVideo(), { code: 0, stderr: '' });
    assert.equal(npmCalls().filter((call) => call.startsWith('video')).length, 1);
  });

  test('are linked again after the packages were installed again', async () => {
    await installVideo();
    writeFileSync(join(root, 'package-lock.json'), '{ "packages": {} }');
    await run();
    assert.equal(linked(), false);
    assert.equal((await installVideo()).code, 0);
    assert.equal(linked(), true);
    assert.deepEqual(npmCalls(), ['a check out ci production', 'video ci all', 'a check out ci production']);
  });

  test('are not linked when npm fails', async () => {
    await run();
    const { code, stderr } = await installVideo({ FAKE_NPM: 'fail' });
    assert.equal(code, 7);
    assert.match(stderr, /Could not install video support/);
    assert.equal(linked(), false);
  });

  test('are installed for tests and for nothing else', () => {
    const { COMMANDS } = createRequire(import.meta.url)('./run.cjs') as {
      COMMANDS: Record<string, { forVideo?: boolean }>;
    };
    const names = Object.keys(COMMANDS).filter((name) => COMMANDS[name]?.forVideo);
    assert.deepEqual(names, ['test', 'test:long']);
  });
});

test('every script of package.json is a command of the launcher', () => {
  const { scripts } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8'));
  const { COMMANDS } = createRequire(import.meta.url)('./run.cjs') as { COMMANDS: Record<string, { program: string }> };
  const { vws, ...commands } = COMMANDS;
  const expected = Object.keys(commands).map((name) => [name, `exec node tools/run.cjs ${name}`]);
  assert.deepEqual(Object.entries(scripts), expected);
  for (const { program } of Object.values(COMMANDS)) assert.ok(existsSync(join(PROJECT_ROOT, program)), program);
});
