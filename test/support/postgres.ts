// A real PostgreSQL for the tests: installed on the machine, or by tools/run.cjs.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { eventually } from './poll.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const { machinesPostgres, packagedPostgres } = createRequire(import.meta.url)('../../tools/setup/postgres.cjs') as {
  machinesPostgres(): string | undefined;
  packagedPostgres(root: string): string;
};
const USER = 'vws';
const START_TIMEOUT_MS = 30_000;
/** Enough for every server and store that tests open at once. */
const MAX_CONNECTIONS = 400;

export interface TestPostgres {
  /** URL of the maintenance database, over which others are created. */
  readonly url: string;
  stop(): Promise<void>;
}

/** @returns undefined if PostgreSQL is not available */
export async function startPostgres(): Promise<TestPostgres | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'vws-postgres-'));
  const identity = unprivileged();
  const bin = findPrograms(folder);
  if (!bin) {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  if (identity) chownSync(folder, identity.uid, identity.gid);
  const data = join(folder, 'data');
  const options = { ...identity, cwd: folder };
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...options, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || made.error}`);

  const port = await freePort();
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `max_connections=${MAX_CONNECTIONS}`,
    // Tests kill the VWS server, never PostgreSQL, which therefore need not write to the disk.
    'fsync=off',
    'full_page_writes=off',
  ];
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
    ...options,
    stdio: 'ignore',
  });
  const exited = once(server, 'exit');
  const url = `postgres://${USER}@127.0.0.1:${port}/postgres`;
  await eventually('PostgreSQL', () => answers(url), START_TIMEOUT_MS);
  return { url, stop: () => stop(server, exited, folder) };
}

/** Creates an empty database. @returns its address, and a function that removes it */
export async function createDatabase(serverUrl: string): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = `vws_${randomBytes(8).toString('hex')}`;
  await run(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => run(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`) };
}

/** All rows by table, as bytes to search in. */
export async function databaseContents(url: string): Promise<Map<string, Buffer>> {
  return withClient(url, async (client) => {
    const { rows } = await client.query(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
    );
    const contents = new Map<string, Buffer>();
    for (const { table_name: table } of rows) {
      const { rows: values } = await client.query({ text: `SELECT * FROM ${table}`, rowMode: 'array' });
      const bytes = values
        .flat()
        .map((value: unknown) => (value instanceof Buffer ? value : Buffer.from(`${value}\n`)));
      contents.set(table, Buffer.concat(bytes));
    }
    return contents;
  });
}

/** Runs work with its own connection. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function run(url: string, statement: string): Promise<void> {
  await withClient(url, (client) => client.query(statement));
}

async function answers(url: string): Promise<true | undefined> {
  return run(url, 'SELECT 1').then(
    () => true,
    () => undefined,
  );
}

async function stop(server: ChildProcess, exited: Promise<unknown>, folder: string): Promise<void> {
  // SIGQUIT ends it immediately; the data is discarded.
  server.kill('SIGQUIT');
  await exited;
  rmSync(folder, { recursive: true, force: true });
}

/** PostgreSQL refuses to run as root. @returns an unprivileged user if this process is root */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (!user) throw new Error('PostgreSQL refuses to run as root: create a user "postgres".');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

/** Folder of the programs; as root a copy, since another user may not be able to read the checkout. */
function findPrograms(folder: string): string | undefined {
  const own = machinesPostgres();
  if (own) return own;
  const packaged = packagedPostgres(ROOT);
  if (!existsSync(packaged)) return undefined;
  if (process.getuid?.() !== 0) return join(packaged, 'bin');
  const copy = join(folder, 'native');
  cpSync(packaged, copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return address.port;
}
