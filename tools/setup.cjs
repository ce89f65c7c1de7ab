'use strict';
// Makes a checkout ready to run; every npm script calls it first. Plain JavaScript without dependencies, because it
// runs before anything is installed and on the machine's own Node.js, which may be as old as 18.

const fs = require('node:fs');
const path = require('node:path');
const { install, isInstalled } = require('./setup/install.cjs');
const { withLock } = require('./setup/lock.cjs');
const { SetupError, say } = require('./setup/messages.cjs');
const { ownNodeSteps } = require('./setup/own-node.cjs');
const { postgresSteps } = require('./setup/postgres.cjs');

/** What makes the checkout ready, in order. `npm ci` empties node_modules/.bin, so the link to Node.js comes after it. */
function stepsFor(root, node, { forTests }) {
  const packages = {
    isDone: () => isInstalled(root),
    run: (lock) => install(root, { what: 'the packages', megabytes: 250, lock }),
  };
  const windows = process.platform === 'win32' ? [execForWindows(root)] : [];
  return [packages, ...windows, ...ownNodeSteps(root, node), ...(forTests ? postgresSteps(root) : [])];
}

/**
 * Scripts say `exec node ...`: otherwise a shell stands between npm and the server, and a SIGTERM to npm ends only that.
 * The shell of Windows has no `exec` and needs none.
 */
function execForWindows(root) {
  const file = path.join(root, 'node_modules', '.bin', 'exec.cmd');
  return { isDone: () => fs.existsSync(file), run: () => fs.writeFileSync(file, '@%*\r\n') };
}

/**
 * Installs what is missing in `root`: the packages and, where Node.js is too old, a newer one.
 *
 * @param {string} root the checkout
 * @param {{ version: string, path: string }} node the Node.js that npm's scripts run on without it
 * @param {{ forTests: boolean }} needs whether the tests are to be run, which need a PostgreSQL
 */
async function setUp(root, node, needs) {
  const steps = stepsFor(root, node, needs);
  if (steps.every((step) => step.isDone())) return;
  const onWait = () => say('Waiting for another setup of this folder ...');
  await withLock(path.join(root, '.setup-lock'), onWait, async (lock) => {
    for (const step of steps) if (!step.isDone()) await step.run(lock);
  });
}

async function main(root, node, needs = { forTests: false }) {
  try {
    await setUp(root, node, needs);
  } catch (error) {
    say(error instanceof SetupError ? error.message : error.stack);
    process.exitCode = error.exitCode || 1;
  }
}

module.exports = { main };

if (require.main === module) {
  const node = { version: process.versions.node, path: process.execPath };
  main(path.resolve(__dirname, '..'), node, { forTests: process.argv.includes('--for-tests') });
}
