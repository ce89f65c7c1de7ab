// Erases deleted content from the files of a SQLite database.
import type { DatabaseSync } from 'node:sqlite';

/**
 * SQLite leaves deleted content in free pages, and older pages in the write-ahead log. With `secure_delete` it overwrites the
 * content, and a checkpoint that truncates the log replaces the pages in the database file.
 */
export class SecureDelete {
  readonly #connection: DatabaseSync;
  /** Another process may have stopped before its checkpoint. */
  #mustTruncate = true;

  constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  /** Runs statements of a transaction so that the content they delete is overwritten. */
  async run<T>(statements: () => Promise<T>): Promise<T> {
    this.#mustTruncate = true;
    // Takes effect when the text is compiled, so these statements cannot be prepared once.
    this.#connection.exec('PRAGMA secure_delete = ON');
    try {
      return await statements();
    } finally {
      this.#connection.exec('PRAGMA secure_delete = OFF');
    }
  }

  /**
   * Writes the log to the database file and empties it, if something was deleted since the last time. Call it outside of a
   * transaction.
   *
   * @returns false if another process uses the log
   */
  truncateLog(): boolean {
    if (!this.#mustTruncate) return true;
    try {
      const result = this.#connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
      this.#mustTruncate = result?.busy !== 0;
    } catch {
      // Another process checkpoints, or the disk fails, which the next transaction reports.
      return false;
    }
    return !this.#mustTruncate;
  }
}
