// The interface of both stores.
import type { CompiledQuery, QueryResult } from 'kysely';
import type { Database } from './schema.ts';

export type Engine = 'sqlite' | 'postgres';

/** A transaction: all of its writes are committed, or none. */
export interface Transaction {
  /** The same queries run on both engines; only row locks depend on it. */
  readonly engine: Engine;
  readonly db: Database;
  /** Runs a compiled query: see prepared.ts. */
  run<Row>(query: CompiledQuery<Row>): Promise<QueryResult<Row>>;
  /**
   * Runs statements whose deleted content is overwritten in the files of SQLite, after {@link Store.truncateLog}; does no more
   * on PostgreSQL. Calls must not be nested.
   */
  secureDelete<T>(statements: () => Promise<T>): Promise<T>;
  /** Calls back after the transaction is durable; not if it is rolled back. The callback must not throw. */
  afterCommit(callback: () => void): void;
}

/** The database. {@link Store.transaction} is the only way to read or write it. */
export interface Store {
  readonly engine: Engine;
  /** Location for display, without credentials. */
  readonly location: string;
  /**
   * Runs `work` as one transaction and resolves when it is durable.
   *
   * `work` must await only the database: on SQLite, every other transaction waits for it. On PostgreSQL it may run
   * again after a conflict with another process, so it must have no other effects.
   *
   * @throws the error of `work`, after rolling back
   * @throws Problem `store_unavailable` if the database is locked, full or unreachable
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /**
   * Removes what was deleted securely from the write-ahead log of SQLite.
   *
   * @returns false if another process prevented that
   */
  truncateLog(): Promise<boolean>;
  /** Finishes the queued transactions, then closes. */
  close(): Promise<void>;
}
