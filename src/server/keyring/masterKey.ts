// The master key: notations, key file, and the binding to a database.
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { KEY_LENGTH } from '../crypto/aead.ts';
import { deriveKey } from '../crypto/derive.ts';
import { findMasterKeyIds, insertMasterKeyId, lockMasterKeys } from '../store/masterKeys.ts';
import type { Store } from '../store/store.ts';
import { ExposedFileError, readPrivateFile } from './privateFile.ts';

/** Root key from which all storage keys are derived. */
export class MasterKey {
  /** Identifies the key without revealing anything about it: 16 hex characters. */
  readonly id: string;
  readonly #bytes: Uint8Array;

  /** @param bytes 32 bytes */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_LENGTH) throw new Error(`A master key has ${KEY_LENGTH} bytes, not ${bytes.length}.`);
    this.#bytes = bytes;
    this.id = Buffer.from(this.derive('vws master key id')).toString('hex', 0, 8);
  }

  /** Returns a 32-byte key for one purpose. */
  derive(label: string): Uint8Array<ArrayBuffer> {
    return deriveKey(this.#bytes, label);
  }
}

/**
 * Parses a master key: 64 hex characters, or 32 bytes in base64 (standard or URL-safe).
 *
 * @returns undefined if the text is neither
 */
export function parseMasterKey(text: string): Uint8Array<ArrayBuffer> | undefined {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return Buffer.from(trimmed, 'base64');
  return undefined;
}

/**
 * Reads the master key from a file. Creates the file (mode 0600) with a random key if it does not exist.
 *
 * @throws Error if the file does not contain a master key; it stays unchanged
 */
export function loadMasterKeyFile(path: string): { bytes: Uint8Array<ArrayBuffer>; created: boolean } {
  const present = readKeyFile(path);
  if (present) return { bytes: present, created: false };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const created = publishNewKey(path);
  const bytes = readKeyFile(path);
  if (!bytes) throw new Error(`The master key file ${path} was removed while the server was starting.`);
  return { bytes, created };
}

function readKeyFile(path: string): Uint8Array<ArrayBuffer> | undefined {
  let text: string;
  try {
    text = readPrivateFile(path);
  } catch (error) {
    if (error instanceof ExposedFileError) throw new Error(`The master key file ${error.message}`);
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const bytes = parseMasterKey(text);
  if (!bytes) throw new Error(`The file ${path} does not contain a master key, which has 64 hex characters.`);
  return bytes;
}

/** Writes and syncs the file before it gets its name, so that no other process and no crash leaves a partial key. */
function publishNewKey(path: string): boolean {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, `${randomBytes(KEY_LENGTH).toString('hex')}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

/**
 * Prevents creating a new key for a database that already has one.
 *
 * @throws Error if the file does not exist and the database is bound to a master key
 */
export async function requireMasterKeyFile(store: Store, path: string): Promise<void> {
  if (existsSync(path)) return;
  const known = await store.transaction(findMasterKeyIds);
  if (known.length > 0) {
    throw new Error(
      `The master key file ${path} is missing, and this database was created with key ${known.join(', ')}. ` +
        'Restore the file, or set VWS_MASTER_KEY, and start again.',
    );
  }
}

/** The database is bound to another master key. */
export class WrongMasterKeyError extends Error {
  constructor(given: string, expected: readonly string[]) {
    super(
      `This is the wrong master key for this database: it was created with key ${expected.join(', ')}, not ${given}. ` +
        'Without the right key its accounts and messages cannot be decrypted. Restore the right key and start again.',
    );
    this.name = 'WrongMasterKeyError';
  }
}

/**
 * Binds an empty database to the master key, or checks the key of a bound one.
 *
 * @throws WrongMasterKeyError if the database is bound to another key; nothing changes
 */
export async function bindMasterKey(store: Store, masterKey: MasterKey, now: number): Promise<void> {
  await store.transaction(async (tx) => {
    await lockMasterKeys(tx);
    const known = await findMasterKeyIds(tx);
    if (known.length === 0) await insertMasterKeyId(tx, masterKey.id, now);
    else if (!known.includes(masterKey.id)) throw new WrongMasterKeyError(masterKey.id, known);
  });
}
