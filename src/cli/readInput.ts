// Reads the input of a command: a file or standard input.
import { readFileSync, statSync } from 'node:fs';
import { CommandError } from './errors.ts';
import type { Shell } from './terminal/shell.ts';

/** A safety limit above the limits of all servers (1 MiB by default). */
const MAX_INPUT_BYTES = 128 * 1024 * 1024;

/**
 * Reads a file or standard input.
 *
 * @param path undefined or `-` for standard input
 * @param what the input, for the note on a terminal
 * @throws CommandError if it cannot be read or is too long
 */
export async function readInput(path: string | undefined, shell: Shell, what: string): Promise<Uint8Array> {
  if (path !== undefined && path !== '-') return readWhole(path);
  if (shell.isTerminal) shell.note(`Type or paste ${what}, then press Ctrl-D on an empty line.`);
  return shell.readAll(MAX_INPUT_BYTES);
}

/**
 * Reads a file or standard input as UTF-8 text.
 *
 * @throws CommandError `not_text`, or as {@link readInput}
 */
export async function readText(path: string | undefined, shell: Shell): Promise<string> {
  const bytes = await readInput(path, shell, 'the text');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CommandError('The input is not UTF-8 text. Encode it first, for example with base64.', 'not_text');
  }
}

/**
 * Reads a token or a ciphertext from a file or standard input.
 *
 * @returns the input without whitespace
 * @throws CommandError `undecryptable_message` if it is empty, or as {@link readInput}
 */
export async function readCiphertext(path: string | undefined, shell: Shell, what: string): Promise<string> {
  const text = new TextDecoder().decode(await readInput(path, shell, what)).replace(/\s+/g, '');
  if (text === '') throw new CommandError(`The input is empty: ${what} is missing.`, 'undecryptable_message');
  return text;
}

function readWhole(path: string): Uint8Array {
  try {
    if (statSync(path).size <= MAX_INPUT_BYTES) return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new CommandError(`File not found: ${path}`);
    if (code === 'EISDIR') throw new CommandError(`${path} is a folder, not a file.`);
    throw new CommandError(`${path} cannot be read: ${message}.`);
  }
  throw new CommandError(`${path} is longer than ${MAX_INPUT_BYTES} bytes.`, 'message_too_large');
}
