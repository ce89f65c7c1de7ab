'use strict';
// Video codecs for `vws hide`, `vws reveal` and the tests: the packages of tools/video. Run as a program, it installs them.

const fs = require('node:fs');
const path = require('node:path');
const { SetupError, say } = require('./messages.cjs');
const { install, isInstalled } = require('./packages.cjs');

const MEGABYTES = 180;

/** The package that src/video/media/node.ts imports. It finds the `mediabunny` of the project, because both link ends are in it. */
const LINKED = path.join('@mediabunny', 'server');

function linkPath(root) {
  return path.join(root, 'node_modules', LINKED);
}

/** Links the package into the node_modules of the project, from which `npm ci` removes the link. */
function link(root) {
  const from = linkPath(root);
  const to = path.join(root, 'tools', 'video', 'node_modules', LINKED);
  fs.mkdirSync(path.dirname(from), { recursive: true });
  fs.rmSync(from, { recursive: true, force: true });
  // Windows lets every user create junctions, whose targets are absolute.
  if (process.platform === 'win32') fs.symlinkSync(to, from, 'junction');
  else fs.symlinkSync(path.relative(path.dirname(from), to), from);
}

function videoTasks(root) {
  const folder = path.join(root, 'tools', 'video');
  const what = 'video support once: @mediabunny/server, node-av with FFmpeg 8.1';
  return [
    { isDone: () => isInstalled(folder), run: (lock) => install(folder, { what, megabytes: MEGABYTES, lock }) },
    { isDone: () => fs.existsSync(path.join(linkPath(root), 'package.json')), run: async () => link(root) },
  ];
}

module.exports = { videoTasks };

/** Installs everything for the two commands. */
async function main(root) {
  const { prepare } = require('./prepare.cjs');
  try {
    await prepare(root, process.versions.node, { forVideo: true });
  } catch (error) {
    say(error instanceof SetupError ? error.message : error.stack);
    process.exitCode = error.exitCode || 1;
  }
}

if (require.main === module) main(path.resolve(__dirname, '..', '..'));
