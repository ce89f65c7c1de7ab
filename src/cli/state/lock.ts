import { closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandError } from '../errors.ts';

/** How long a command waits for another one, in milliseconds: longer than calls usually take. */
const PATIENCE = 20_000;
const POLL = 50;
const SQLITE_BUSY = 5;

/**
 * Does something while no other process does it under the same lock.
 *
 * The lock is the one that SQLite takes on its (here empty) database file: the system gives it back the moment its owner
 * ends, however that happens, so that there is no stale lock to be told from a live one.
 *
 * @param file is made if it is missing
 * @param patience milliseconds to wait for the others
 * @throws CommandError `state_in_use` if the others do not finish
 */
export async function withLock<T>(file: string, task: () => Promise<T>, patience = PATIENCE): Promise<T> {
  makeEmptyFile(file);
  const lock = open(file);
  try {
    const deadline = performance.now() + patience;
    while (!take(lock, file)) {
      if (performance.now() > deadline) throw inUse(file);
      await delay(POLL);
    }
    return await task();
  } finally {
    lock.close();
  }
}

/** An existing one is not opened: closing it would give back a lock that this process has on it. */
function makeEmptyFile(path: string): void {
  if (existsSync(path)) return;
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function open(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout: 0 });
  } catch (error) {
    throw unusable(file, error);
  }
}

function take(lock: DatabaseSync, file: string): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if ((error as { errcode?: unknown }).errcode === SQLITE_BUSY) return false;
    throw unusable(file, error);
  }
}

function unusable(file: string, error: unknown): CommandError {
  return new CommandError(`The lock ${file} cannot be taken: ${(error as Error).message}.`, 'state_unusable');
}

function inUse(file: string): CommandError {
  return new CommandError(
    `Another vws command uses this session. Let it finish, or end it, and try again. (The lock is ${file}.)`,
    'state_in_use',
  );
}
