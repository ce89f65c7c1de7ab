// Private folders and durable, atomic file writes.
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { CommandError } from '../errors.ts';

const OTHERS_MAY_WRITE = 0o022;

/**
 * Creates a folder that only the user can access, unless it exists.
 *
 * @throws CommandError `state_unusable` if it cannot be created, belongs to another user, or other users can write to it
 */
export function makePrivateFolder(path: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    throw new CommandError(`The folder ${path} cannot be created: ${(error as Error).message}.`, 'state_unusable');
  }
  checkPrivateFolder(path);
}

/**
 * Checks that no other user can plant files in a folder. On Windows, folders have neither owner nor mode.
 *
 * @throws CommandError `state_unusable` if it belongs to another user, or other users can write to it
 */
export function checkPrivateFolder(path: string): void {
  if (process.platform === 'win32') return;
  const { uid, mode } = statSync(path);
  if (uid !== process.geteuid?.()) {
    throw new CommandError(
      `The folder ${path} belongs to another user. Choose another one with --state.`,
      'state_unusable',
    );
  }
  if ((mode & OTHERS_MAY_WRITE) !== 0) {
    throw new CommandError(`Other users can write to ${path}. Restrict it with: chmod 700 ${path}`, 'state_unusable');
  }
}

/** Creates parent folders itself: `recursive` of Node.js never returns if the system reports ENOENT for an existing parent. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another command may have created it in the meantime.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** @returns the content; undefined if the file does not exist */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/**
 * Writes a file that only its owner can read. After a crash, the file has the old or the new content; when this function
 * returns, it has the new content. Only one process at a time may write the same path.
 */
export function writeAtomically(path: string, text: string): void {
  const temporary = `${path}.new`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeWhole(file, Buffer.from(text));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  syncFolder(dirname(path));
}

export function removeFile(path: string): void {
  rmSync(path, { force: true });
  syncFolder(dirname(path));
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
}

/** Makes the rename durable. On Windows this is neither possible nor necessary. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
