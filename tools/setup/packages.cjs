'use strict';
// Installs the packages of a folder's package-lock.json. A stamp in node_modules records what was installed.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { SetupError, say } = require('./messages.cjs');

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const SLOW_INSTALL_MS = 15_000;

function stampFile(folder) {
  return path.join(folder, 'node_modules', '.setup-stamp');
}

/**
 * The whole lock file, which is faster to compare than to hash. Includes the platform, because packages contain
 * binaries and machines may share a folder.
 */
function stampOf(folder, scope) {
  const lockFile = fs.readFileSync(path.join(folder, 'package-lock.json'), 'utf8');
  return `${process.platform}-${process.arch} ${scope}\n${lockFile}`;
}

function isInstalled(folder, scope = 'all') {
  try {
    const stamp = fs.readFileSync(stampFile(folder), 'utf8');
    return stamp === stampOf(folder, 'all') || stamp === stampOf(folder, scope);
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

/** The npm that runs this script, on its own Node.js; otherwise the npm on the PATH. */
function npmCommand(args) {
  const script = process.env.npm_execpath;
  if (script && /^npm-cli\.c?js$/.test(path.basename(script))) {
    return { file: process.env.npm_node_execpath || process.execPath, args: [script, ...args], shell: false };
  }
  if (process.platform === 'win32') return { file: `npm ${args.join(' ')}`, args: [], shell: true };
  return { file: 'npm', args, shell: false };
}

/**
 * Runs npm, whose errors appear on stderr.
 *
 * @throws {SetupError} with the reason, if npm fails
 */
async function runNpm(folder, npmArgs, lock) {
  const { file, args, shell } = npmCommand(npmArgs);
  const npm = spawn(file, args, { cwd: folder, shell, stdio: ['ignore', 'ignore', 'inherit'] });
  if (npm.pid !== undefined) lock.addProcess(npm.pid);

  let interruptedBy;
  const interrupt = (signal) => {
    interruptedBy = signal;
    npm.kill(signal);
  };
  for (const name of SIGNALS) process.on(name, interrupt);
  const notice = 'Still installing. Without network, npm gives up after about a minute.';
  const timer = setTimeout(say, SLOW_INSTALL_MS, notice);
  try {
    const [code, signal] = await once(npm, 'exit').catch((error) => {
      throw new SetupError(`npm does not start (${error.message})`);
    });
    if (interruptedBy) throw new SetupError('interrupted', 128 + os.constants.signals[interruptedBy]);
    if (signal) throw new SetupError(`npm was ended by ${signal}`);
    if (code !== 0) throw new SetupError(`npm failed with exit code ${code} and the reason above`, code);
  } finally {
    clearTimeout(timer);
    for (const name of SIGNALS) process.removeListener(name, interrupt);
  }
}

/** The arguments of npm, which neither NODE_ENV nor the user's settings can change. */
function npmArgsFor(folder, scope) {
  const flags = ['--ignore-scripts', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  if (scope === 'production') return ['ci', '--omit=dev', ...flags];
  // `npm ci` would first remove the production packages, which a running server may still load from.
  return isInstalled(folder, 'production')
    ? ['install', '--no-save', '--include=dev', ...flags]
    : ['ci', '--include=dev', ...flags];
}

/**
 * Installs what the lock file of `folder` names. The stamp of another install is removed first and the new one is
 * written last, so that an aborted install never counts as done.
 *
 * @param {string} folder
 * @param {object} options
 * @param {string} options.what the packages, in words
 * @param {number} options.megabytes their size on disk
 * @param {'production' | 'all'} [options.scope] whether to omit the development packages
 * @param {() => void} [options.verify] throws if the packages cannot be used
 * @param {{ addProcess(pid: number): void, isHeld(): boolean }} options.lock
 */
async function install(folder, { what, megabytes, scope = 'all', verify = () => {}, lock }) {
  say(`Installing ${what} (npm, up to ${megabytes} MB) ...`);
  const stamp = stampOf(folder, scope);
  const npmArgs = npmArgsFor(folder, scope);
  if (npmArgs[0] === 'ci') fs.rmSync(stampFile(folder), { force: true });
  await runNpm(folder, npmArgs, lock).catch((error) => {
    const needs = `Needed: npm, its registry (network access) and ${megabytes} MB of disk space.`;
    throw new SetupError(
      `Could not install ${what}: ${error.message}.\n${needs}\nRun the same command again to retry.`,
      error.exitCode,
    );
  });
  verify();
  if (!lock.isHeld()) throw new SetupError('Another setup took over this folder. Run the same command again.');
  fs.mkdirSync(path.dirname(stampFile(folder)), { recursive: true });
  fs.writeFileSync(stampFile(folder), stamp);
}

module.exports = { install, isInstalled };
