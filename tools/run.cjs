'use strict';
// Runs the commands of package.json: makes the checkout ready for one, then runs its program on a new enough Node.js.
// Plain JavaScript without dependencies, because it starts on the Node.js of the machine, which may be as old as 20.

const { spawn } = require('node:child_process');
const Module = require('node:module');
const os = require('node:os');
const path = require('node:path');
const tty = require('node:tty');
const { SetupError, say } = require('./setup/messages.cjs');
const { isNewEnough, packagedNode } = require('./setup/node.cjs');
const { prepare } = require('./setup/prepare.cjs');

/** The program of each command, with its first arguments and with what it needs in addition to the production packages. */
const COMMANDS = {
  start: { program: 'src/server/main.ts' },
  'create-database': { program: 'src/server/main.ts', args: ['create-database'] },
  demo: { program: 'examples/demo.ts' },
  vws: { program: 'src/cli/main.ts' },
  test: { program: 'test/run.ts', forDevelopment: true, forTests: true, forVideo: true },
  'test:long': { program: 'test/run.ts', args: ['--long'], forDevelopment: true, forTests: true, forVideo: true },
  check: { program: 'tools/check.ts', forDevelopment: true },
  typecheck: { program: 'node_modules/typescript/bin/tsc', args: ['--noEmit'], forDevelopment: true },
  lint: { program: 'node_modules/@biomejs/biome/bin/biome', args: ['check'], forDevelopment: true },
  format: { program: 'node_modules/@biomejs/biome/bin/biome', args: ['check', '--write'], forDevelopment: true },
  'build:client': { program: 'tools/build-client.ts', forDevelopment: true },
  docs: { program: 'tools/check-docs.ts', args: ['--write'], forDevelopment: true },
  torture: { program: 'test/torture/main.ts', forDevelopment: true, forTests: true },
  fuzz: { program: 'test/fuzz/main.ts', forDevelopment: true, forTests: true },
  bench: { program: 'bench/run.ts', forDevelopment: true },
};

/** Runs a program on another Node.js, passes signals on to it, and ends with its exit code. */
function runOn(node, args) {
  // Programs that the program starts by the name `node` run on the same one.
  process.env.PATH = path.dirname(node) + path.delimiter + process.env.PATH;
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // A terminal sends Ctrl-C to both processes.
  process.on('SIGINT', () => tty.isatty(0) || child.kill('SIGINT'));
  child.on('error', (error) => {
    say(`${node} does not start (${error.message})`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 128 + os.constants.signals[signal] : code;
  });
}

/** Runs a program in this process, as if Node.js had been started with it. */
function runHere(args) {
  process.argv.splice(1, process.argv.length, ...args);
  Module.runMain();
}

/**
 * @param {string} root the checkout
 * @param {string} version of the Node.js that runs this
 * @param {string} name of the command
 * @param {readonly string[]} given the user's arguments
 */
async function main(root, version, name, given) {
  try {
    const command = COMMANDS[name];
    if (!command) throw new SetupError(`Unknown command. Available: ${Object.keys(COMMANDS).join(', ')}`);
    await prepare(root, version, command);
    const args = [path.join(root, command.program), ...(command.args || []), ...given];
    if (isNewEnough(version)) runHere(args);
    else runOn(packagedNode(root), args);
  } catch (error) {
    say(error instanceof SetupError ? error.message : error.stack);
    process.exitCode = error.exitCode || 1;
  }
}

module.exports = { COMMANDS, main };

if (require.main === module) {
  const [name, ...given] = process.argv.slice(2);
  main(path.resolve(__dirname, '..'), process.versions.node, name, given);
}
