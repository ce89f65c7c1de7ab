// Loaded into a measured server before its program: replaces its use of SQLite's secure_delete.
import { DatabaseSync } from 'node:sqlite';

const mode = process.env.VWS_BENCH_SECURE_DELETE;
const execute = DatabaseSync.prototype.exec;
DatabaseSync.prototype.exec = function (this: DatabaseSync, statement: string) {
  if (statement.startsWith('PRAGMA secure_delete')) return;
  execute.call(this, statement);
  if (mode === 'always' && statement.startsWith('PRAGMA journal_mode')) execute.call(this, 'PRAGMA secure_delete = ON');
};
