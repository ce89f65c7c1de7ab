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
 * Makes a folder for the user alone, if it is missing.
 *
 * @throws CommandError `state_unusable` if it cannot be made, or others may write to it
 */
export function makePrivateFolder(path: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    throw new CommandError(`The folder ${path} cannot be made: ${(error as Error).message}.`, 'state_unusable');
  }
  if (process.platform !== 'win32' && (statSync(path).mode & OTHERS_MAY_WRITE) !== 0) {
    throw new CommandError(`Others may write to ${path}. Take that away with: chmod 700 ${path}`, 'state_unusable');
  }
}

/** Not the recursive mode of Node.js, which never ends where the system says ENOENT although the parent is there. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another command may have made it in the meantime.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** @returns undefined if there is no such file */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/**
 * Puts a text into a file that its owner alone may read. After a crash there is the old text or the new one, and when this
 * returns it is the new one. One process at a time may do this for one path.
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

/** Makes the rename itself durable. Windows has no way to, and needs none. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
