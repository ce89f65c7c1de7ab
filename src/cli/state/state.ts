// The state folder: what is stored between commands, for each server and suite.
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ContactStorage } from '../../client/index.ts';
import { CommandError } from '../errors.ts';
import { makePrivateFolder, readIfPresent, removeFile, writeAtomically } from './files.ts';
import { withLock } from './lock.ts';

/** Finds the state folder: the option, the variable, or the XDG Base Directory. */
export function findStateFolder(
  option: string | undefined,
  { VWS_STATE_DIR, XDG_STATE_HOME }: Readonly<Record<string, string | undefined>>,
): string {
  const chosen = option || VWS_STATE_DIR;
  if (chosen) return resolve(chosen);
  // The specification requires that relative paths are ignored.
  const base = XDG_STATE_HOME?.startsWith('/') ? XDG_STATE_HOME : join(homedir(), '.local', 'state');
  return join(base, 'vws');
}

/**
 * The state folder, mode 0700:
 *
 * - `server`: the address of the server of the last login
 * - `servers/<name>/`: see {@link ServerState}
 */
export class StateFolder {
  readonly #folder: string;
  readonly #serverFile: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#serverFile = join(folder, 'server');
  }

  /**
   * Returns the address of the server of the last login.
   *
   * @throws CommandError `state_unusable` if the file is corrupted
   */
  readServer(): string | undefined {
    const url = readIfPresent(this.#serverFile)?.trim();
    if (!url || URL.canParse(url)) return url || undefined;
    const message = `The file ${this.#serverFile} does not contain an address. Name the server with --server.`;
    throw new CommandError(message, 'state_unusable');
  }

  /** Stores the address of the server of the last login. */
  async saveServer(url: string): Promise<void> {
    makePrivateFolder(this.#folder);
    if (readIfPresent(this.#serverFile) === `${url}\n`) return;
    await withLock(join(this.#folder, 'lock'), async () => writeAtomically(this.#serverFile, `${url}\n`));
  }

  /** The stored data about one server. */
  ofServer(url: string): ServerState {
    return new ServerState(this.#folder, join(this.#folder, 'servers', folderName(url)));
  }
}

/** A file with one value. */
interface StoredValue<T> {
  load(): T | undefined;
  save(value: T): void;
  clear(): void;
}

/**
 * The stored data about one server:
 *
 * - `pin`: the fingerprint that the server must have
 * - `session`, `session-suite1`: the session, with a request that has no response yet
 * - `devices`: the device tokens of accounts; they survive the session
 * - `contacts`: which user each name belongs to
 * - `confirmed`, `confirmed-suite1`: when a recovery code was accepted
 * - `lock`: empty; see {@link withLock}
 *
 * Everything is read and written while the lock is held.
 */
export class ServerState {
  readonly #root: string;
  readonly #folder: string;
  readonly #pinFile: string;

  /** @param root the state folder */
  constructor(root: string, folder: string) {
    this.#root = root;
    this.#folder = folder;
    this.#pinFile = join(folder, 'pin');
  }

  /** @throws CommandError `state_in_use`, `state_unusable` */
  async withLock<T>(task: () => Promise<T>): Promise<T> {
    makePrivateFolder(this.#root);
    makePrivateFolder(this.#folder);
    return withLock(join(this.#folder, 'lock'), task);
  }

  /** @throws CommandError `state_unusable` if the file is corrupted */
  readPin(): string | undefined {
    const pin = readIfPresent(this.#pinFile)?.trim();
    if (pin === undefined || /^[\w-]{43}$/.test(pin)) return pin;
    // A missing pin would mean that the next fingerprint is trusted.
    throw new CommandError(
      `The file ${this.#pinFile} does not contain a fingerprint. Delete it, and give the fingerprint from the operator with --pin.`,
      'state_unusable',
    );
  }

  /** Stores a fingerprint. A session with a previous identity is deleted. */
  changePin(fingerprint: string): void {
    if (readIfPresent(this.#pinFile) !== undefined) this.session(2).clear();
    writeAtomically(this.#pinFile, `${fingerprint}\n`);
  }

  /** The session, as the text that the SDK stores. */
  session(suite: 1 | 2): StoredValue<string> {
    return storedText(this.#fileOf('session', suite));
  }

  /** The device tokens, as the text that the SDK stores. */
  devices(): StoredValue<string> {
    return storedText(join(this.#folder, 'devices'));
  }

  /**
   * Which user each name belongs to.
   *
   * @throws CommandError `state_unusable` if the file is corrupted
   */
  contacts(): ContactStorage {
    const file = join(this.#folder, 'contacts');
    return {
      get: (name) => readContacts(file).get(name),
      set: (name, id) => {
        const contacts = readContacts(file).set(name, id);
        writeAtomically(file, `${JSON.stringify(Object.fromEntries(contacts), undefined, 2)}\n`);
      },
    };
  }

  /** When the code of the current recovery was accepted, in milliseconds since 1970. */
  confirmedAt(suite: 1 | 2): StoredValue<number> {
    const file = this.#fileOf('confirmed', suite);
    return {
      load: () => Number(readIfPresent(file)) || undefined,
      save: (time) => writeAtomically(file, `${time}\n`),
      clear: () => removeFile(file),
    };
  }

  #fileOf(name: string, suite: 1 | 2): string {
    return join(this.#folder, suite === 2 ? name : `${name}-suite1`);
  }
}

function storedText(file: string): StoredValue<string> {
  return {
    load: () => readIfPresent(file),
    save: (text) => writeAtomically(file, text),
    clear: () => removeFile(file),
  };
}

function readContacts(file: string): Map<string, string> {
  try {
    return new Map(Object.entries(JSON.parse(readIfPresent(file) ?? '{}') as Record<string, string>));
  } catch {
    // Without its contacts, the command would trust any user.
    throw new CommandError(`The file ${file} is corrupted. Delete it to trust each contact again.`, 'state_unusable');
  }
}

/** A readable name that differs for each address. */
function folderName(url: string): string {
  const { host } = new URL(url);
  const hash = createHash('sha256').update(url).digest('hex').slice(0, 16);
  return `${host.replace(/[^a-z0-9.-]/g, '_').slice(0, 100)}-${hash}`;
}
