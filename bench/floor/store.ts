// The database of the floor: prepared statements, one write per request, one COMMIT for all that are waiting.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const GROUP_SIZE = 128;

export interface SessionRow {
  readonly session: number;
  readonly user_id: Uint8Array;
  readonly sealed_secret: Uint8Array;
}

interface NewStep {
  readonly stepId: Uint8Array;
  readonly sealedSecret: Uint8Array;
  readonly sealedResponse: Uint8Array | null;
}

export interface FloorStore {
  /**
   * Runs `work` in the next group.
   *
   * @param onCommit receives the value of `work` when it is durable
   */
  enqueue<T>(work: () => T, onCommit: (value: T) => void): void;
  findSession(stepId: Uint8Array): SessionRow;
  insertSession(userId: Uint8Array, step: NewStep): void;
  moveSession(session: number, step: NewStep): void;
  insertUser(name: string, userId: Uint8Array, wrappedKey: Uint8Array): void;
  findUserByName(name: string): { user_id: Uint8Array; wrapped_key: Uint8Array };
  findUserById(userId: Uint8Array): { user_id: Uint8Array; wrapped_key: Uint8Array };
}

export function openFloorStore(folder: string): FloorStore {
  const database = new DatabaseSync(join(folder, 'floor.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec(`
    CREATE TABLE sessions (session INTEGER PRIMARY KEY, step_id BLOB NOT NULL UNIQUE, user_id BLOB NOT NULL,
      sealed_secret BLOB NOT NULL, sealed_answer BLOB, last_used_at INTEGER NOT NULL) STRICT;
    CREATE TABLE users (user_id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, wrapped_key BLOB NOT NULL) STRICT`);
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const find = database.prepare('SELECT session, user_id, sealed_secret FROM sessions WHERE step_id = ?');
  const insert = database.prepare('INSERT INTO sessions VALUES (NULL, ?, ?, ?, ?, ?)');
  const move = database.prepare(
    'UPDATE sessions SET step_id = ?, sealed_secret = ?, sealed_answer = ?, last_used_at = ? WHERE session = ?',
  );
  const addUser = database.prepare('INSERT INTO users VALUES (?, ?, ?)');
  const byName = database.prepare('SELECT user_id, wrapped_key FROM users WHERE name = ?');
  const byId = database.prepare('SELECT user_id, wrapped_key FROM users WHERE user_id = ?');

  const queue: { work: () => unknown; onCommit: (value: never) => void }[] = [];

  function drain(): void {
    const group = queue.splice(0, GROUP_SIZE);
    begin.run();
    const values = group.map(({ work }) => work() as never);
    commit.run();
    for (const [index, { onCommit }] of group.entries()) onCommit(values[index] as never);
    if (queue.length > 0) setImmediate(drain);
  }

  return {
    enqueue(work, onCommit) {
      queue.push({ work, onCommit });
      if (queue.length === 1) setImmediate(drain);
    },
    findSession: (stepId) => find.get(stepId) as unknown as SessionRow,
    insertSession(userId, { stepId, sealedSecret, sealedResponse }) {
      insert.run(stepId, userId, sealedSecret, sealedResponse, Date.now());
    },
    moveSession(session, { stepId, sealedSecret, sealedResponse }) {
      move.run(stepId, sealedSecret, sealedResponse, Date.now(), session);
    },
    insertUser(name, userId, wrappedKey) {
      addUser.run(userId, name, wrappedKey);
    },
    findUserByName: (name) => byName.get(name) as never,
    findUserById: (userId) => byId.get(userId) as never,
  };
}
