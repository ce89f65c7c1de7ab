// `npm test [-- files, folders, options of node --test]`: runs the tests on SQLite and, at the same time, those that use
// a store or a server on a real PostgreSQL. `--long` runs the long lane instead: files that end in `.long.test.ts`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type TestPostgres } from './support/postgres.ts';

const TEST_FOLDERS = ['src', 'test', 'tools'];
const LONG_FILE = /\.long\.test\.ts$/;
/** Functions of test/support that open the engine under test. */
const ON_BOTH_ENGINES = /\b(openTestStore|newStoreLocation|startServer)\(/;
/** Tests of clients, which cannot see the server's database. */
const CLIENT_SIDE = /^(?:src\/client\/|test\/(?:browser|cli|manInTheMiddle|sdkDocument|protocolDocument))/;
/** Tests of HTTP and of rules that have their own tests on both engines: on PostgreSQL they belong to the long lane. */
const ABOVE_THE_STORE =
  /^test\/(?:failures|hostile|malformedRequests|masterKey|openapi|overload|recovery|shutdown|usernames)\.test/;

/** For each test and for each file, which the runner treats as a test. */
const TIMEOUT_MS = 120_000;
/** Space that the databases of one run need, with room to spare. */
const MIN_MEMORY_BYTES = 2 ** 30;
/** For each engine: tests wait for processes and sockets more than they compute. */
const FILES_AT_ONCE = Math.max(2, availableParallelism());

const given = process.argv.slice(2);
const isLong = given.includes('--long');
const options = given.filter((argument) => argument.startsWith('-') && argument !== '--long');
const named = given.filter((argument) => !argument.startsWith('-'));
const defaults = [`--test-timeout=${TIMEOUT_MS}`, `--test-concurrency=${FILES_AT_ONCE}`];

/** Test files that are named, alone or by their folder: all files by default. */
function findFiles(): string[] {
  const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory();
  const paths = named.length > 0 ? named : TEST_FOLDERS;
  return paths.flatMap((path) => (isFolder(path) ? globSync(join(path, '**/*.test.ts')).sort() : [path]));
}

/** Selects the files of this run's lane; a file that is named is always in it. */
function isInLane(file: string): boolean {
  return named.includes(file) || LONG_FILE.test(file) === isLong;
}

function isInLaneOnPostgres(file: string): boolean {
  if (CLIENT_SIDE.test(file) || !statSync(file, { throwIfNoEntry: false })?.isFile()) return false;
  if (!ON_BOTH_ENGINES.test(readFileSync(file, 'utf8'))) return false;
  return ABOVE_THE_STORE.test(file) ? isLong || named.includes(file) : isInLane(file);
}

/**
 * Folder for everything that tests write: in memory if the machine allows it, since they create databases by the hundred.
 * Programs must be allowed to run there.
 */
function createScratchFolder(): string {
  const mounts = existsSync('/proc/mounts') ? readFileSync('/proc/mounts', 'utf8') : '';
  const options = /^\S+ \/dev\/shm tmpfs (\S+)/m.exec(mounts)?.[1]?.split(',') ?? ['noexec'];
  const { bavail, bsize } = options.includes('noexec') ? { bavail: 0, bsize: 0 } : statfsSync('/dev/shm');
  const folder = mkdtempSync(join(bavail * bsize > MIN_MEMORY_BYTES ? '/dev/shm' : tmpdir(), 'vws-tests-'));
  // PostgreSQL may run as another user.
  chmodSync(folder, 0o711);
  return folder;
}

interface Result {
  readonly passed: boolean;
  /** Output that has not been shown yet. */
  readonly output: string;
}

async function run(files: readonly string[], postgresUrl: string, stdout: 'inherit' | 'pipe'): Promise<Result> {
  // Without files, node --test would search for its own.
  if (files.length === 0) return { passed: true, output: '' };
  const runner = spawn(process.execPath, ['--test', ...defaults, ...options, ...files], {
    stdio: ['inherit', stdout, 'inherit'],
    env: {
      ...process.env,
      ...(process.stdout.isTTY && { FORCE_COLOR: '1' }),
      // Servers and test files load compiled modules instead of stripping types in each process again.
      NODE_COMPILE_CACHE: join(scratch, 'compile-cache'),
      VWS_TEST_DATABASE_URL: postgresUrl,
    },
  });
  let output = '';
  runner.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const end = () => runner.kill('SIGTERM');
  process.on('SIGTERM', end);
  const [code] = await once(runner, 'close');
  process.off('SIGTERM', end);
  return { passed: code === 0, output };
}

/** The server that VWS_TEST_DATABASE_URL names, or a new one for this run. */
async function openPostgres(): Promise<TestPostgres | undefined> {
  const url = process.env.VWS_TEST_DATABASE_URL;
  return url ? { url, stop: async () => {} } : startPostgres();
}

/** @returns undefined where PostgreSQL is not available */
async function runOnPostgres(files: readonly string[]): Promise<Result | undefined> {
  const postgres = await openPostgres();
  if (!postgres) return undefined;
  try {
    return await run(files, postgres.url, 'pipe');
  } finally {
    await postgres.stop();
  }
}

const verdict = ({ passed }: Result) => (passed ? 'passed' : 'FAILED');
const say = (line: string) => process.stdout.write(`\n${line}\n`);

// Ctrl-C reaches the runners directly; this process has to outlive them to report their result.
process.on('SIGINT', () => {});
const scratch = createScratchFolder();
process.env.TMPDIR = scratch;
const files = findFiles();
const sqliteFiles = files.filter(isInLane);
const postgresFiles = files.filter(isInLaneOnPostgres);
try {
  const onSqlite = run(sqliteFiles, '', 'inherit');
  const onPostgres = postgresFiles.length > 0 ? runOnPostgres(postgresFiles) : undefined;
  // Awaited later: a failure to start PostgreSQL must not end this process before the other runner.
  onPostgres?.catch(() => {});
  const sqlite = await onSqlite;
  if (!sqlite.passed) process.exitCode = 1;
  if (onPostgres) {
    say('On PostgreSQL:');
    const postgres = await onPostgres;
    process.stdout.write(postgres?.output ?? '');
    if (postgres?.passed === false) process.exitCode = 1;
    const skipped = 'skipped (not available on this platform: set VWS_TEST_DATABASE_URL)';
    say(`SQLite ${verdict(sqlite)}, PostgreSQL ${postgres ? verdict(postgres) : skipped}`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
