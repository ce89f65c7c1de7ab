import type { CompiledQuery, QueryResult } from 'kysely';
import type { Database } from './schema.ts';

export type Engine = 'sqlite' | 'postgres';

/** What a unit of work gets: all of it is committed, or none. */
export interface Transaction {
  /** The same queries run on both engines; only locks of rows need to know. */
  readonly engine: Engine;
  readonly db: Database;
  /** Runs a query that was compiled before, by the shortest way: see prepared.ts. */
  run<Row>(query: CompiledQuery<Row>): Promise<QueryResult<Row>>;
  /** Runs once the transaction is durable; not at all if it is rolled back. Must not throw. */
  afterCommit(callback: () => void): void;
}

/** The database. {@link Store.transaction} is the only way to read or write it. */
export interface Store {
  readonly engine: Engine;
  /** Where the data lies, for people: without credentials. */
  readonly location: string;
  /**
   * Runs `work` as one transaction and resolves when it is durable.
   *
   * `work` must wait for nothing but the database: on SQLite, every other transaction waits for it. On PostgreSQL it may be
   * run again after a conflict with another process, so it must have no effects elsewhere.
   *
   * @throws whatever `work` throws, after rolling back
   * @throws Problem `store_unavailable` if the database is locked, full or out of reach
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Finishes what was begun, then closes. */
  close(): Promise<void>;
}
