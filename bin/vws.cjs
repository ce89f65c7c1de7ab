#!/usr/bin/env node
'use strict';
// `npx vws` in a checkout. Plain JavaScript, because the Node.js that starts it may be as old as 18: it makes the
// checkout ready, as every npm script does, and hands over to the Node.js that npm's scripts run on.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const NEEDED_MAJOR = 26;
const PASSED_SIGNALS = ['SIGTERM', 'SIGHUP'];

/** The Node.js that setup put first on the PATH of npm's scripts; on Windows a script there names it. */
function ownNode(root) {
  const folder = path.join(root, 'node_modules', '.bin');
  if (process.platform !== 'win32') return path.join(folder, 'node');
  const [, target] = /"%~dp0(.+?)"/.exec(fs.readFileSync(path.join(folder, 'node.cmd'), 'utf8'));
  return path.join(folder, target);
}

function runWith(node, args) {
  const child = spawn(node, args, { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; this process has only to outlive the other, for its exit code.
  process.on('SIGINT', () => {});
  for (const signal of PASSED_SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`vws: ${node} does not start (${error.message})\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 128 + os.constants.signals[signal] : code;
  });
}

/**
 * @param {string} root the checkout
 * @param {{ version: string, path: string }} node the Node.js that runs this
 * @param {readonly string[]} args what follows `vws`
 */
async function main(root, node, args) {
  await require(path.join(root, 'tools', 'setup.cjs')).main(root, node);
  if (process.exitCode) return;
  const program = path.join(root, 'src', 'cli', 'main.ts');
  if (Number.parseInt(node.version, 10) < NEEDED_MAJOR) runWith(ownNode(root), [program, ...args]);
  else await import(pathToFileURL(program).href);
}

module.exports = { main };

if (require.main === module) {
  const node = { version: process.versions.node, path: process.execPath };
  main(path.resolve(__dirname, '..'), node, process.argv.slice(2));
}
