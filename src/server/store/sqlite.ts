// The store on SQLite, with group commit.
import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { type CompiledQuery, Kysely, type QueryResult, SqliteDialect } from 'kysely';
import { Problem } from '../../protocol/problems.ts';
import type { Schema } from './schema.ts';
import { SecureDelete } from './secureDelete.ts';
import type { Store, Transaction } from './store.ts';

/** Time for which a transaction waits for another process with the write lock. */
const BUSY_TIMEOUT_MS = 5_000;
const BUSY_RETRY_INTERVAL_MS = 5;
/** Limits the time that the first transaction of a group waits for the shared commit. */
const MAX_GROUP_SIZE = 128;
/** Maximum number of waiting transactions, more than a healthy server ever has. */
const MAX_QUEUE_LENGTH = 20_000;
/** Fits the inner pages of the indexes of a million sessions. */
const CACHE_KIB = 16 * 1024;
/**
 * Pages of 4 KiB in the write-ahead log before a checkpoint, which writes a page once however often it changed. More
 * pages mean fewer writes, but longer pauses.
 */
const CHECKPOINT_PAGES = 4096;

const SQLITE_BUSY = 5;
/** Result codes that concern the disk or the lock, not the statement: https://www.sqlite.org/rescode.html */
const UNAVAILABLE_CODES: ReadonlySet<number> = new Set([SQLITE_BUSY, 6, 8, 10, 13, 14, 15]);

interface Job {
  readonly work: (transaction: Transaction) => Promise<unknown>;
  /** On the clock of `performance.now()`. */
  readonly queuedAt: number;
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
}

interface Outcome {
  /** Settles the caller's promise, after the commit or rollback of the group. */
  readonly settle: () => void;
  readonly callbacks: readonly (() => void)[];
}

/**
 * Opens a SQLite database file. Creates it (mode 0600) and its folder (mode 0700) if they do not exist.
 *
 * @param path of the file
 * @param synchronous SQLite's `synchronous` setting; FULL makes an acknowledged transaction survive a power cut
 * @throws Problem `store_unavailable` if another process keeps the database locked
 */
export async function openSqlite(path: string, synchronous: 'FULL' | 'NORMAL' = 'FULL'): Promise<Store> {
  createPrivateFile(path);
  const connection = new DatabaseSync(path, { timeout: 0 });
  try {
    // Another process that opens or closes the database locks all of it for a moment.
    await executeWhenFree(connection, 'PRAGMA journal_mode = WAL', performance.now() + BUSY_TIMEOUT_MS);
    connection.exec(`PRAGMA synchronous = ${synchronous}`);
    connection.exec('PRAGMA foreign_keys = ON');
    connection.exec('PRAGMA trusted_schema = OFF');
    connection.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
    connection.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  } catch (error) {
    connection.close();
    throw translate(error);
  }
  return new SqliteStore(path, connection);
}

function createPrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (existsSync(path)) return;
  // SQLite creates its -wal and -shm files with the mode of the main file.
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
}

/**
 * A store whose transactions share commits. Transactions that wait at the same time share one COMMIT, each in a
 * savepoint of its own, so that a busy server flushes the disk once per group instead of once per request.
 */
class SqliteStore implements Store {
  readonly engine = 'sqlite';
  readonly location: string;
  readonly #connection: DatabaseSync;
  readonly #savepoint: StatementSync;
  readonly #release: StatementSync;
  readonly #db: Kysely<Schema>;
  readonly #run: Transaction['run'];
  readonly #secureDelete: SecureDelete;
  /** Wait for the log to be truncated between two groups. */
  readonly #truncations: ((isTruncated: boolean) => void)[] = [];
  readonly #queue: Job[] = [];
  #draining: Promise<void> | undefined;

  constructor(path: string, connection: DatabaseSync) {
    const prepare = statementsOf(connection);
    this.location = path;
    this.#connection = connection;
    this.#secureDelete = new SecureDelete(connection);
    this.#savepoint = connection.prepare('SAVEPOINT job');
    this.#release = connection.prepare('RELEASE job');
    this.#db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: { prepare, close() {} } }) });
    // node:sqlite is synchronous, and one job runs at a time, so nothing has to be awaited.
    this.#run = async <Row>({ sql, parameters }: CompiledQuery<Row>) => runStatement<Row>(prepare(sql), parameters);
  }

  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    if (this.#queue.length >= MAX_QUEUE_LENGTH) {
      return Promise.reject(new Problem('store_unavailable', { retryAfterSeconds: 1 }));
    }
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, queuedAt: performance.now(), resolve: resolve as Job['resolve'], reject });
      this.#draining ??= this.#drain();
    });
  }

  truncateLog(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#truncations.push(resolve);
      this.#draining ??= this.#drain();
    });
  }

  async close(): Promise<void> {
    while (this.#draining) await this.#draining;
    this.#connection.close();
  }

  async #drain(): Promise<void> {
    // Everything that arrives in the same turn of the event loop joins the first group.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0 || this.#truncations.length > 0) {
      if (this.#queue.length > 0) await this.#runGroup(this.#queue.splice(0, MAX_GROUP_SIZE));
      for (const resolve of this.#truncations.splice(0)) resolve(this.#secureDelete.truncateLog());
    }
    this.#draining = undefined;
  }

  async #runGroup(jobs: readonly Job[]): Promise<void> {
    const outcomes: Outcome[] = [];
    // The first job has waited the longest.
    const waitingSince = jobs[0]?.queuedAt ?? performance.now();
    try {
      await executeWhenFree(this.#connection, 'BEGIN IMMEDIATE', waitingSince + BUSY_TIMEOUT_MS);
      for (const job of jobs) outcomes.push(await this.#runJob(job));
      this.#connection.exec('COMMIT');
    } catch (error) {
      rollBack(this.#connection);
      for (const job of jobs) job.reject(translate(error));
      return;
    }
    for (const outcome of outcomes) {
      outcome.settle();
      for (const callback of outcome.callbacks) callback();
    }
  }

  async #runJob({ work, resolve, reject }: Job): Promise<Outcome> {
    const callbacks: (() => void)[] = [];
    this.#savepoint.run();
    try {
      const value = (await work({
        engine: 'sqlite',
        db: this.#db,
        run: this.#run,
        secureDelete: (statements) => this.#secureDelete.run(statements),
        afterCommit: (callback) => callbacks.push(callback),
      })) as never;
      this.#release.run();
      return { settle: () => resolve(value), callbacks };
    } catch (error) {
      // On a full disk SQLite may roll back the whole group by itself. All of its work is lost then.
      if (!this.#connection.isTransaction) throw error;
      this.#connection.exec('ROLLBACK TO job');
      this.#release.run();
      return { settle: () => reject(translate(error)), callbacks: [] };
    }
  }
}

/**
 * Executes a statement, and waits for the lock of another process without blocking the event loop.
 *
 * @param deadline on the clock of `performance.now()`
 */
async function executeWhenFree(connection: DatabaseSync, statement: string, deadline: number): Promise<void> {
  for (;;) {
    try {
      connection.exec(statement);
      return;
    } catch (error) {
      if (resultCode(error) !== SQLITE_BUSY || performance.now() >= deadline) throw error;
      await delay(BUSY_RETRY_INTERVAL_MS);
    }
  }
}

function rollBack(connection: DatabaseSync): void {
  try {
    if (connection.isTransaction) connection.exec('ROLLBACK');
  } catch {
    // The first error is reported; the next BEGIN fails if the problem persists.
  }
}

function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown }).errcode;
  // The low byte is the primary result code, the others are extended codes.
  return typeof code === 'number' ? code & 0xff : undefined;
}

function translate(error: unknown): unknown {
  const code = resultCode(error);
  if (code === undefined || !UNAVAILABLE_CODES.has(code)) return error;
  return new Problem('store_unavailable', { retryAfterSeconds: 1, cause: error });
}

/** A prepared statement with the interface of Kysely's SQLite dialect. */
interface Statement {
  readonly reader: boolean;
  all(parameters: readonly unknown[]): unknown[];
  run(parameters: readonly unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  iterate(parameters: readonly unknown[]): IterableIterator<unknown>;
}

/** @returns a function that prepares the statement of a query once */
function statementsOf(connection: DatabaseSync): (text: string) => Statement {
  const statements = new Map<string, Statement>();

  function prepare(text: string): Statement {
    const statement = connection.prepare(text);
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
      run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
      iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
    };
  }

  return (text) => {
    let statement = statements.get(text);
    if (!statement) {
      statement = prepare(text);
      statements.set(text, statement);
    }
    return statement;
  };
}

function runStatement<Row>(statement: Statement, parameters: readonly unknown[]): QueryResult<Row> {
  if (statement.reader) return { rows: statement.all(parameters) as Row[] };
  return { rows: [], numAffectedRows: BigInt(statement.run(parameters).changes) };
}
