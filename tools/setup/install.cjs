'use strict';
// Installs the packages of a folder's package-lock.json and remembers in node_modules what was installed.

const { spawn } = require('node:child_process');
const { createHash } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { SetupError, say } = require('./messages.cjs');

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const LONG_MS = 15_000;

function stampFile(folder) {
  return path.join(folder, 'node_modules', '.setup-stamp');
}

/** With the platform, because packages bring binaries and a folder may be shared between machines. */
function expectedStamp(folder) {
  const lockFile = fs.readFileSync(path.join(folder, 'package-lock.json'));
  return `${createHash('sha256').update(lockFile).digest('hex')} ${process.platform}-${process.arch}`;
}

function isInstalled(folder) {
  try {
    return fs.readFileSync(stampFile(folder), 'utf8') === expectedStamp(folder);
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

/** The npm that runs this script, on the Node.js that it runs on; else the npm of PATH. */
function npmCommand(args) {
  const script = process.env.npm_execpath;
  if (script && /^npm-cli\.c?js$/.test(path.basename(script))) {
    return { file: process.env.npm_node_execpath || process.execPath, args: [script, ...args], shell: false };
  }
  if (process.platform === 'win32') return { file: `npm ${args.join(' ')}`, args: [], shell: true };
  return { file: 'npm', args, shell: false };
}

/** Runs `npm ci`, whose errors go to stderr as they are. Throws what went wrong, for people. */
async function runNpmCi(folder, lock) {
  // Said on the command line, so that neither NODE_ENV nor a user's settings make two checkouts differ.
  const flags = ['--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const { file, args, shell } = npmCommand(['ci', ...flags]);
  const npm = spawn(file, args, { cwd: folder, shell, stdio: ['ignore', 'ignore', 'inherit'] });
  if (npm.pid !== undefined) lock.addProcess(npm.pid);

  let interruptedBy;
  const interrupt = (signal) => {
    interruptedBy = signal;
    npm.kill(signal);
  };
  for (const name of SIGNALS) process.on(name, interrupt);
  const patience = setTimeout(say, LONG_MS, 'Still installing. Without network, npm gives up after about a minute.');
  try {
    const [code, signal] = await once(npm, 'exit').catch((error) => {
      throw new SetupError(`npm does not start (${error.message})`);
    });
    if (interruptedBy) throw new SetupError('interrupted', 128 + os.constants.signals[interruptedBy]);
    if (signal) throw new SetupError(`npm was ended by ${signal}`);
    if (code !== 0) throw new SetupError(`npm failed with exit code ${code} and the reason above`, code);
  } finally {
    clearTimeout(patience);
    for (const name of SIGNALS) process.removeListener(name, interrupt);
  }
}

/**
 * Installs what the lock file of `folder` names. The stamp goes first and comes back last, so that an install that was
 * broken off is never taken for done.
 */
async function install(folder, { what, megabytes, verify = () => {}, lock }) {
  say(`Installing ${what} (npm ci, up to ${megabytes} MB) ...`);
  const stamp = expectedStamp(folder);
  fs.rmSync(stampFile(folder), { force: true });
  await runNpmCi(folder, lock).catch((error) => {
    const needs = `Needed: npm, its registry (network access) and ${megabytes} MB of disk space.`;
    throw new SetupError(
      `Could not install ${what}: ${error.message}.\n${needs}\nThe same command starts over.`,
      error.exitCode,
    );
  });
  verify();
  if (!lock.isHeld()) throw new SetupError('Another setup took this folder over. Run the same command again.');
  fs.mkdirSync(path.dirname(stampFile(folder)), { recursive: true });
  fs.writeFileSync(stampFile(folder), stamp);
}

module.exports = { install, isInstalled };
