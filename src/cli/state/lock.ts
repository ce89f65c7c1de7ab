// A lock between processes, released automatically when its owner exits.
import { closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandError } from '../errors.ts';

/** Time limit for waiting for another command: longer than calls usually take. */
const LOCK_TIMEOUT_MS = 20_000;
const POLL_INTERVAL_MS = 50;
const SQLITE_BUSY = 5;

/**
 * Runs a task while no other process holds the same lock.
 *
 * The lock is SQLite's lock on an empty database file. The operating system releases it when its owner exits, even after
 * a crash, so that stale locks cannot exist.
 *
 * @param file is created if it is missing
 * @param timeoutMs time limit for waiting for other processes
 * @throws CommandError `state_in_use` if they do not finish in time
 * @throws CommandError `state_unusable` if the file cannot be locked
 */
export async function withLock<T>(file: string, task: () => Promise<T>, timeoutMs = LOCK_TIMEOUT_MS): Promise<T> {
  createEmptyFile(file);
  const lock = open(file);
  try {
    const deadline = performance.now() + timeoutMs;
    while (!tryLock(lock, file)) {
      if (performance.now() > deadline) throw inUse(file);
      await delay(POLL_INTERVAL_MS);
    }
    return await task();
  } finally {
    lock.close();
  }
}

/** An existing file is not opened, because closing it would release a lock that this process holds on it. */
function createEmptyFile(path: string): void {
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

function tryLock(lock: DatabaseSync, file: string): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if ((error as { errcode?: unknown }).errcode === SQLITE_BUSY) return false;
    throw unusable(file, error);
  }
}

function unusable(file: string, error: unknown): CommandError {
  return new CommandError(`The lock ${file} cannot be acquired: ${(error as Error).message}.`, 'state_unusable');
}

function inUse(file: string): CommandError {
  return new CommandError(
    `Another vws command is using this session. Wait until it finishes, or stop it, and try again. (Lock file: ${file})`,
    'state_in_use',
  );
}
