// `npm test`: runs every test file, or those that are named. Node.js reads its options only before the file names and
// npm appends what follows `--`, so that this program puts them in order.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

const TEST_FILES = ['src/**/*.test.ts', 'test/**/*.test.ts', 'tools/**/*.test.ts'];

/** For one test and, because the runner sees a file as a test, for one file. */
const TIMEOUT_MS = 120_000;

/** Tests wait for processes and sockets more than they compute. */
const FILES_AT_ONCE = Math.max(2, availableParallelism());

const given = process.argv.slice(2);
const options = given.filter((argument) => argument.startsWith('-'));
const files = given.filter((argument) => !argument.startsWith('-'));

const defaults = [`--test-timeout=${TIMEOUT_MS}`, `--test-concurrency=${FILES_AT_ONCE}`];
const runner = spawn(
  process.execPath,
  ['--test', ...defaults, ...options, ...(files.length > 0 ? files : TEST_FILES)],
  { stdio: 'inherit' },
);

// Ctrl-C reaches the runner by itself; this process has only to outlive it, for its exit code.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => runner.kill('SIGTERM'));
runner.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
