// SQL on a database of either engine, without the code of the server.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StoreLocation } from '../../src/server/store/open.ts';
import { withClient } from './postgres.ts';
import type { TestServer } from './server.ts';

/** A server may be writing. */
const BUSY_TIMEOUT_MS = 10_000;

/** A database, a server that has its own one, or a DATABASE_URL. */
export type Place =
  | Pick<StoreLocation & { engine: 'postgres' }, 'engine' | 'url'>
  | (StoreLocation & { engine: 'sqlite' })
  | Pick<TestServer, 'dataDir' | 'databaseUrl'>
  | string;

type Row = Record<string, unknown>;

function urlOf(place: Place): string {
  if (typeof place === 'string') return place;
  if (!('engine' in place)) return place.databaseUrl ?? `sqlite:${join(place.dataDir, 'vws.db')}`;
  return place.engine === 'postgres' ? place.url : `sqlite:${place.path}`;
}

/** Runs statements one after the other. @returns the rows of the last one */
export async function runSql(place: Place, ...statements: string[]): Promise<Row[]> {
  const url = urlOf(place);
  if (!url.startsWith('sqlite:')) {
    return withClient(url, async (client) => {
      let rows: Row[] = [];
      for (const statement of statements) rows = (await client.query(statement)).rows;
      return rows;
    });
  }
  const database = new DatabaseSync(url.slice('sqlite:'.length), { timeout: BUSY_TIMEOUT_MS });
  try {
    return statements.map((statement) => database.prepare(statement).all() as Row[]).at(-1) ?? [];
  } finally {
    database.close();
  }
}

/** Rows by table, sorted by their contents; bytes are in hex. */
export type Dump = Readonly<Record<string, readonly string[]>>;

/** Everything in a database except the history of its schema. */
export async function dumpDatabase(place: Place): Promise<Dump> {
  const isSqlite = urlOf(place).startsWith('sqlite:');
  const tables = await runSql(
    place,
    isSqlite
      ? "SELECT name FROM sqlite_schema WHERE type = 'table'"
      : "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
  );
  const dump: [string, string[]][] = [];
  for (const { name } of tables) {
    if (name === 'schema_migrations') continue;
    dump.push([String(name), (await runSql(place, `SELECT * FROM ${name}`)).map(asText).sort()]);
  }
  return Object.fromEntries(dump.sort());
}

/** The drivers return a 64-bit integer as a number or a text. */
function asText(row: Row): string {
  const text = (value: unknown) =>
    value instanceof Uint8Array ? `x${Buffer.from(value).toString('hex')}` : value === null ? null : `${value}`;
  return JSON.stringify(
    Object.entries(row)
      .sort()
      .map(([name, value]) => [name, text(value)]),
  );
}
