/** What a database holds, read without the code of the server. */
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';

/** Rows by table, in an order of their contents; bytes are hex. */
export type Dump = Readonly<Record<string, readonly string[]>>;

/** @param url as in DATABASE_URL */
export async function dumpDatabase(url: string): Promise<Dump> {
  const all = url.startsWith('sqlite:') ? dumpSqlite(url.slice('sqlite:'.length)) : await dumpPostgres(url);
  // Each database has its own history.
  return Object.fromEntries(all.filter(([table]) => table !== 'schema_migrations').sort());
}

function dumpSqlite(path: string): [string, string[]][] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    return tables.map(({ name }) => [String(name), asTexts(database.prepare(`SELECT * FROM ${name}`).all())]);
  } finally {
    database.close();
  }
}

async function dumpPostgres(url: string): Promise<[string, string[]][]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    const dump: [string, string[]][] = [];
    for (const { tablename } of rows) {
      const { rows: contents } = await client.query(`SELECT * FROM ${tablename}`);
      dump.push([tablename, asTexts(contents)]);
    }
    return dump;
  } finally {
    await client.end();
  }
}

/** The drivers differ in what they make of a 64-bit integer: a number or a text. */
function asTexts(rows: readonly Record<string, unknown>[]): string[] {
  return rows
    .map((row) =>
      JSON.stringify(
        Object.entries(row)
          .sort()
          .map(([name, value]) => [
            name,
            value instanceof Uint8Array ? `x${Buffer.from(value).toString('hex')}` : value === null ? null : `${value}`,
          ]),
      ),
    )
    .sort();
}
