// The store on PostgreSQL.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { Problem } from '../../protocol/problems.ts';
import type { Schema } from './schema.ts';
import type { Store, Transaction } from './store.ts';

/** Location of a PostgreSQL database, with connection settings. */
export interface PostgresLocation {
  readonly engine: 'postgres';
  /** `postgres://…`, with credentials. */
  readonly url: string;
  /** Maximum number of connections of this process. */
  readonly poolSize: number;
  /** Milliseconds after which a statement is aborted. */
  readonly statementTimeout: number;
  /** PEM file with the CA certificates used to verify the server. */
  readonly caFile?: string;
}

/** Time for which a transaction waits for a connection. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Time after which an unused connection is closed. */
const IDLE_TIMEOUT_MS = 30_000;
/** Maximum number of times that a transaction runs, because of conflicts. */
const MAX_ATTEMPTS = 10;
/** Maximum delay before the second attempt; increases by the same amount before each further one. */
const RETRY_STEP_MS = 10;
/** An arbitrary number that no other program uses as an advisory lock in this database. */
const MIGRATION_LOCK = 0x76_77_73;

/**
 * Conflicts that a second attempt resolves, because it sees the result of the other transaction: serialization failure,
 * deadlock, unique violation. Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const RETRIED_CODES: ReadonlySet<string> = new Set(['40001', '40P01', '23505']);
/** Classes of codes that concern the server and not the statement: connection, resources, intervention, system. */
const UNAVAILABLE_CLASSES: ReadonlySet<string> = new Set(['08', '53', '57', '58', '25', '28', '3D']);
/** Codes of Node.js about a connection. Others that begin with `ERR_`, such as invalid arguments, are faults of this program. */
const CONNECTION_CODE = /^ERR_(SSL|TLS)_|^ERR_(SOCKET_CLOSED|STREAM_(DESTROYED|PREMATURE_CLOSE|WRITE_AFTER_END))$/;
const INT8 = 20;

/** Opens a PostgreSQL database. Connections are created on demand. */
export function openPostgres(location: PostgresLocation): Store {
  return new PostgresStore(withoutCredentials(location.url), createPool(location));
}

function createPool({ url, poolSize, statementTimeout, caFile }: PostgresLocation): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: statementTimeout,
    idle_in_transaction_session_timeout: statementTimeout,
    application_name: 'vws',
    keepAlive: true,
    ...(caFile && { ssl: { ca: readFileSync(caFile, 'utf8'), rejectUnauthorized: true } }),
    types: {
      // Every bigint of the schema is a time or a count, which a number represents exactly.
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
    },
  });
  // A broken connection is replaced and its query fails. Without listeners the error event would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

class PostgresStore implements Store {
  readonly engine = 'postgres';
  readonly location: string;
  readonly #db: Kysely<Schema>;

  constructor(location: string, pool: pg.Pool) {
    this.location = location;
    this.#db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  }

  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    for (let attempts = 1; ; attempts += 1) {
      try {
        const [value, callbacks] = await this.#attempt(work);
        for (const callback of callbacks) callback();
        return value;
      } catch (error) {
        if (attempts === MAX_ATTEMPTS || !RETRIED_CODES.has(codeOf(error))) throw translate(error);
        await delay(Math.random() * RETRY_STEP_MS * attempts);
      }
    }
  }

  async truncateLog(): Promise<boolean> {
    return true;
  }

  close(): Promise<void> {
    return this.#db.destroy();
  }

  async #attempt<T>(work: (transaction: Transaction) => Promise<T>): Promise<[T, readonly (() => void)[]]> {
    const callbacks: (() => void)[] = [];
    const value = await this.#db.transaction().execute((trx) =>
      work({
        engine: 'postgres',
        db: trx,
        run: (query) => trx.executeQuery(query),
        secureDelete: (statements) => statements(),
        afterCommit: (callback) => callbacks.push(callback),
      }),
    );
    return [value, callbacks];
  }
}

/** Makes other migrating processes wait until the transaction ends. */
export async function lockMigrations({ db }: Transaction): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(db);
}

function withoutCredentials(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** Returns the SQLSTATE or, for a failed connection, the code of the system. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : '';
}

function translate(error: unknown): unknown {
  if (error instanceof Problem || !isUnavailable(error)) return error;
  return new Problem('store_unavailable', { retryAfterSeconds: 1, cause: error });
}

function isUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  if (/^[0-9A-Z]{5}$/.test(code)) return RETRIED_CODES.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2));
  if (code.startsWith('ERR_')) return CONNECTION_CODE.test(code);
  // Codes of the system such as ECONNREFUSED, and messages of pg about lost and failed connections.
  return (
    code.startsWith('E') || /connection (terminated|timeout|ended)|timeout exceeded|not queryable/i.test(String(error))
  );
}
