// `npm test`: runs every test file, or those that are named, on SQLite; then those that use a store or a server once more
// on a real PostgreSQL. Node.js reads its options only before the file names and npm appends what follows `--`, so that
// this program puts them in order.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type TestPostgres } from './support/postgres.ts';

const TEST_FILES = ['src/**/*.test.ts', 'test/**/*.test.ts', 'tools/**/*.test.ts'];
/** What a test file calls that runs on either engine: see test/support. */
const ON_BOTH_ENGINES = /\b(openTestStore|newStoreLocation|startServer)\(/;

/** What tests the clients: to them every server is alike, whatever its database. */
const CLIENT_SIDE = /^(?:src\/client\/|test\/(?:browser|cli|manInTheMiddle|sdkDocument|protocolDocument))/;

/** For one test and, because the runner sees a file as a test, for one file. */
const TIMEOUT_MS = 120_000;

/** Tests wait for processes and sockets more than they compute. */
const FILES_AT_ONCE = Math.max(2, availableParallelism());

const given = process.argv.slice(2);
const options = given.filter((argument) => argument.startsWith('-'));
const named = given.filter((argument) => !argument.startsWith('-'));
const defaults = [`--test-timeout=${TIMEOUT_MS}`, `--test-concurrency=${FILES_AT_ONCE}`];

/** Test files, also of folders that are named. */
function findFiles(): string[] {
  if (named.length === 0) return TEST_FILES.flatMap((pattern) => globSync(pattern)).sort();
  const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory();
  return named.flatMap((path) => (isFolder(path) ? globSync(join(path, '**/*.test.ts')).sort() : [path]));
}

function runsOnBothEngines(file: string): boolean {
  if (CLIENT_SIDE.test(file) || !statSync(file, { throwIfNoEntry: false })?.isFile()) return false;
  return ON_BOTH_ENGINES.test(readFileSync(file, 'utf8'));
}

async function run(files: readonly string[], environment: Record<string, string>): Promise<boolean> {
  const runner = spawn(process.execPath, ['--test', ...defaults, ...options, ...files], {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  const end = () => runner.kill('SIGTERM');
  process.on('SIGTERM', end);
  const [code] = await once(runner, 'exit');
  process.off('SIGTERM', end);
  return code === 0;
}

/** The server that VWS_TEST_DATABASE_URL names, or one of our own for this run. */
async function openPostgres(): Promise<TestPostgres | undefined> {
  const url = process.env.VWS_TEST_DATABASE_URL;
  return url ? { url, stop: async () => {} } : startPostgres();
}

async function runOnPostgres(files: readonly string[]): Promise<string> {
  if (files.length === 0) return '';
  const postgres = await openPostgres();
  if (!postgres) return ', PostgreSQL skipped (there is none for this platform: set VWS_TEST_DATABASE_URL)';
  try {
    say('The tests of stores and servers, once more on PostgreSQL:');
    const passed = await run(files, { VWS_TEST_POSTGRES_URL: postgres.url });
    if (!passed) process.exitCode = 1;
    return `, PostgreSQL ${verdict(passed)}`;
  } finally {
    await postgres.stop();
  }
}

const verdict = (passed: boolean) => (passed ? 'passed' : 'FAILED');
const say = (line: string) => process.stdout.write(`\n${line}\n`);

// Ctrl-C reaches the runner by itself; this process has only to outlive it, for its exit code.
let interrupted = false;
process.on('SIGINT', () => {
  interrupted = true;
});
const files = findFiles();
const passed = await run(files, { VWS_TEST_POSTGRES_URL: '' });
if (!passed) process.exitCode = 1;
const rest = interrupted ? '' : await runOnPostgres(files.filter(runsOnBothEngines));
if (rest) say(`SQLite ${verdict(passed)}${rest}`);
