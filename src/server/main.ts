// The server process: reads its settings, starts the server and stops it on signals.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createApp, openDatabase } from './app.ts';
import { type Config, readConfig, withEnvFile } from './config/config.ts';
import { warningsOf } from './config/warnings.ts';
import { createLogger, type ProcessLog } from './log.ts';

const PROJECT_FOLDER = join(import.meta.dirname, '..', '..');
/** Under npm, the program receives Ctrl-C twice. Only a signal after this time forces the exit. */
const SECOND_SIGNAL_AFTER_MS = 1_000;
/** Time after which a stop that does not finish is forced; longer than requests in progress may take. */
const STOP_DEADLINE_MS = 13_000;

if (import.meta.main) await run(process.argv.slice(2));

/** Runs the command that the arguments name, or serves if there is none; exits the process on failure. */
export async function run(args: readonly string[]): Promise<void> {
  try {
    await main(args);
  } catch (error) {
    fail(error);
  }
}

async function main([command]: readonly string[]): Promise<void> {
  const config = readConfig(readEnvironment());
  if (command === 'create-database') return createDatabase(config);
  if (command !== undefined)
    throw new Error(`Unknown command "${command}". Use create-database, or no command to serve`);
  await serve(config);
}

async function createDatabase(config: Config): Promise<void> {
  const { store } = await openDatabase(config);
  await store.close();
  say(`Database ready: ${store.location}`);
  say(`Master key: ${describeMasterKey(config)}`);
}

async function serve(config: Config): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(PROJECT_FOLDER, 'package.json'), 'utf8')) as { version: string };
  const processLog = createLogger(config.logLevel);
  const { log } = processLog;
  const app = await createApp({ config, log, version });
  stopOnSignals(processLog, async () => {
    log.info('stopping');
    await app.stop();
    log.info('stopped');
  });
  const url = await app.listen();
  introduce(config, { version, url, location: app.location, fingerprint: app.fingerprint });
  log.info({ url, version }, 'listening');
}

function describeMasterKey({ masterKey }: Config): string {
  return 'file' in masterKey ? `${masterKey.file} (back it up separately from the data)` : 'VWS_MASTER_KEY';
}

function introduce(
  config: Config,
  { version, url, location, fingerprint }: { version: string; url: string; location: string; fingerprint: string },
): void {
  const { smtp, mailboxFolder, acceptsSuite1 } = config;
  say(`VWS server ${version}`);
  say(`  listening   ${url}`);
  say(`  API docs    ${url}/docs`);
  say(`  data        ${location}`);
  say(`  master key  ${describeMasterKey(config)}`);
  say(`  fingerprint ${fingerprint} (clients verify the server by it)`);
  say(`  suites      ${acceptsSuite1 ? '1 (existing clients) and 2' : '2 only'}`);
  say(`  emails      ${smtp ? `${smtp.server}:${smtp.port}` : `${mailboxFolder} (MAIL_SERVER is not set)`}`);
  for (const warning of warningsOf(config, process.env.PGSSLMODE)) say(`WARNING: ${warning}`);
  say('Ctrl-C stops the server.');
}

function stopOnSignals(log: ProcessLog, stop: () => Promise<void>): void {
  let since: number | undefined;
  const onSignal = () => {
    if (since !== undefined) {
      if (Date.now() - since > SECOND_SIGNAL_AFTER_MS) void exit(1, log);
      return;
    }
    since = Date.now();
    setTimeout(() => void exit(1, log), STOP_DEADLINE_MS).unref();
    stop().then(
      () => exit(0, log),
      (error) => {
        reportFailure(error);
        return exit(1, log);
      },
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

/** Exits, or kills the process if the log reader has stalled: Node.js would wait for it. */
async function exit(code: number, log: ProcessLog): Promise<void> {
  if (!(await log.close())) process.kill(process.pid, 'SIGKILL');
  process.exit(code);
}

function readEnvironment() {
  const file = '.env';
  return withEnvFile(process.env, existsSync(file) ? readFileSync(file, 'utf8') : '');
}

/** Writes a line for people to standard error; standard output has the log, for programs. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function fail(error: unknown): never {
  reportFailure(error);
  process.exit(1);
}

function reportFailure(error: unknown): void {
  const { code, message, port } = error as NodeJS.ErrnoException & { port?: number };
  const hint =
    code === 'EADDRINUSE' ? ` Stop the other process or set another port. Example: PORT=${(port ?? 5000) + 1}` : '';
  say(`The server failed: ${message}.${hint}`.replace('..', '.'));
}
