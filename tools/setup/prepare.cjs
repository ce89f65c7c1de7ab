'use strict';
// Installs what a command needs and the checkout lacks: packages, a newer Node.js, a PostgreSQL for the tests, video
// codecs.

const path = require('node:path');
const { withLock } = require('./lock.cjs');
const { say } = require('./messages.cjs');
const { nodeTasks } = require('./node.cjs');
const { install, isInstalled } = require('./packages.cjs');
const { postgresTasks } = require('./postgres.cjs');
const { videoTasks } = require('./video.cjs');

function packageTask(root, forDevelopment) {
  const [what, megabytes] = forDevelopment ? ['the packages for development', 180] : ['the packages', 60];
  const scope = forDevelopment ? 'all' : 'production';
  return {
    isDone: () => isInstalled(root, scope),
    run: (lock) => install(root, { what, megabytes, scope, lock }),
  };
}

/**
 * @param {string} root the checkout
 * @param {string} version of the Node.js that runs this
 * @param {{ forDevelopment?: boolean, forTests?: boolean, forVideo?: boolean }} needs
 * @throws {SetupError} with a message for the user
 */
async function prepare(root, version, { forDevelopment, forTests, forVideo }) {
  const tasks = [
    packageTask(root, forDevelopment),
    ...nodeTasks(root, version),
    ...(forTests ? postgresTasks(root) : []),
    ...(forVideo ? videoTasks(root) : []),
  ];
  if (tasks.every((task) => task.isDone())) return;
  const onWait = () => say('Waiting for another setup of this folder ...');
  await withLock(path.join(root, '.setup-lock'), onWait, async (lock) => {
    for (const task of tasks) if (!task.isDone()) await task.run(lock);
  });
}

module.exports = { prepare };
