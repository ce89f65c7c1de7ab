// Reads files that contain keys.
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { platform } from 'node:os';

/** Permission bits of the group and of all other users. */
const GROUP = 0o070;
const OTHERS = 0o007;

/** A file with a key that other users can access. The message continues a sentence that starts with the file. */
export class ExposedFileError extends Error {
  constructor(path: string, mode: number, who: 'go' | 'o') {
    const octal = (mode & 0o777).toString(8);
    super(`can be accessed by other users (mode ${octal}). Run: chmod ${who}= '${path}'`);
    this.name = 'ExposedFileError';
  }
}

/**
 * Reads a text file that other users cannot access. Windows has no such permission bits, and pipes belong to their reader.
 *
 * @param allowsGroup whether the group of the file may access it, as for secrets that a container runtime mounts
 * @throws ExposedFileError
 */
export function readPrivateFile(path: string, { allowsGroup = false } = {}): string {
  const file = openSync(path, 'r');
  try {
    const stats = fstatSync(file);
    const forbidden = allowsGroup ? OTHERS : GROUP | OTHERS;
    if (platform() !== 'win32' && stats.isFile() && (stats.mode & forbidden) !== 0) {
      throw new ExposedFileError(path, stats.mode, allowsGroup ? 'o' : 'go');
    }
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}
