// Reads the key that two people share: from a file, or from a prompt.
import type { PatternKey } from '../../video/index.ts';
import { UsageError } from '../errors.ts';
import { readInput } from '../readInput.ts';
import type { Shell } from '../terminal/shell.ts';

/** Everyone can try passphrases on a clip, so short ones protect nothing. */
const SHORTEST_PASSPHRASE = 16;

export const keyOption =
  'a file with one line: a key (43 characters of A-Z a-z 0-9 - _) or a passphrase of 16 characters or more that sender and ' +
  'recipient share. With -, it is prompted for';

/**
 * Reads the text of a key.
 *
 * @param path the value of `--key`
 * @throws UsageError if it is missing or too short
 */
export async function readKeyText(path: string | undefined, shell: Shell): Promise<string> {
  if (path === undefined || path === '') throw new UsageError('--key is missing.');
  const text = path === '-' ? await shell.askSecret('Key or passphrase') : await readLine(path, shell);
  if ([...text].length < SHORTEST_PASSPHRASE) {
    throw new UsageError(`The key must have ${SHORTEST_PASSPHRASE} characters or more.`);
  }
  return text;
}

async function readLine(path: string, shell: Shell): Promise<string> {
  const [line = '', ...rest] = new TextDecoder().decode(await readInput(path, shell, 'the key')).split(/\r?\n/);
  if (rest.some((other) => other !== '')) throw new UsageError(`${path} must have one line.`);
  return line;
}

/** Derives the pattern key; for a passphrase, this takes about a second. */
export async function deriveKey(
  text: string,
  sharedKey: (secret: string | Uint8Array) => Promise<PatternKey>,
): Promise<PatternKey> {
  return sharedKey(decodeKey(text) ?? text);
}

function decodeKey(text: string): Uint8Array | undefined {
  if (!/^[\w-]{43}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  // Other spellings of the last character are passphrases.
  return bytes.toString('base64url') === text ? bytes : undefined;
}
