import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { SessionStorage } from '../../client/options.ts';
import { CommandError } from '../command.ts';
import { makePrivateFolder, readIfPresent, removeFile, writeAtomically } from './files.ts';
import { withLock } from './lock.ts';

/** What is kept of one server. All of it is read and written under the lock. */
export interface ServerState {
  /** @throws CommandError `state_in_use`, `state_unusable` */
  withLock<T>(task: () => Promise<T>): Promise<T>;
  /** The fingerprint that the server must have. */
  /** @throws CommandError `state_unusable` if it was damaged */
  readPin(): string | undefined;
  /** The sessions with another identity are of no use any more. */
  changePin(fingerprint: string): void;
  /** When the code of the recovery under way was confirmed, in milliseconds since 1970. */
  confirmedAt(suite: 1 | 2): { load(): number | undefined; save(time: number): void; clear(): void };
  session(suite: 1 | 2): Omit<SessionStorage, 'load'> & { load(): string | undefined; clear(): void };
}

/**
 * The folder for what outlives a command, 0700:
 *
 * - `server`: the address of the server that was logged in to last
 * - `servers/<name>/pin`, `session`, `confirmed`, the last two also with `-suite1`, `lock`: see {@link ServerState}
 */
export interface State {
  readonly folder: string;
  /** @throws CommandError `state_unusable` if it was damaged */
  readServer(): string | undefined;
  saveServer(url: string): Promise<void>;
  of(url: string): ServerState;
}

/** Where the folder is: an option, or a variable, or the place for it in the XDG Base Directory Specification. */
export function findStateFolder(
  option: string | undefined,
  { VWS_STATE_DIR, XDG_STATE_HOME }: Readonly<Record<string, string | undefined>>,
): string {
  const chosen = option || VWS_STATE_DIR;
  if (chosen) return resolve(chosen);
  // The specification wants relative paths ignored.
  const base = XDG_STATE_HOME?.startsWith('/') ? XDG_STATE_HOME : join(homedir(), '.local', 'state');
  return join(base, 'vws');
}

export function openState(folder: string): State {
  const serverFile = join(folder, 'server');
  return {
    folder,
    readServer() {
      const url = readIfPresent(serverFile)?.trim();
      if (!url || URL.canParse(url)) return url || undefined;
      throw new CommandError(`There is no address in ${serverFile}: give it with --server.`, 'state_unusable');
    },
    async saveServer(url) {
      makePrivateFolder(folder);
      if (readIfPresent(serverFile) === `${url}\n`) return;
      await withLock(join(folder, 'lock'), async () => writeAtomically(serverFile, `${url}\n`));
    },
    of: (url) => serverState(folder, join(folder, 'servers', folderName(url))),
  };
}

function serverState(root: string, folder: string): ServerState {
  const pinFile = join(folder, 'pin');
  const ofSuite = (name: string, suite: 1 | 2) => join(folder, suite === 2 ? name : `${name}-suite1`);
  const sessionFile = (suite: 1 | 2) => ofSuite('session', suite);
  return {
    async withLock(task) {
      makePrivateFolder(root);
      makePrivateFolder(folder);
      return withLock(join(folder, 'lock'), task);
    },
    readPin() {
      const pin = readIfPresent(pinFile)?.trim();
      if (pin === undefined || /^[\w-]{43}$/.test(pin)) return pin;
      // Whatever the server shows would be trusted.
      throw new CommandError(
        `There is no fingerprint in ${pinFile}. Remove the file, and give the one that the operator tells with --pin.`,
        'state_unusable',
      );
    },
    changePin(fingerprint) {
      if (readIfPresent(pinFile) !== undefined) removeFile(sessionFile(2));
      writeAtomically(pinFile, `${fingerprint}\n`);
    },
    confirmedAt(suite) {
      const file = ofSuite('confirmed', suite);
      return {
        load: () => Number(readIfPresent(file)) || undefined,
        save: (time) => writeAtomically(file, `${time}\n`),
        clear: () => removeFile(file),
      };
    },
    session(suite) {
      const file = sessionFile(suite);
      return {
        load: () => readIfPresent(file),
        save: (text) => writeAtomically(file, text),
        clear: () => removeFile(file),
      };
    },
  };
}

/** Readable, and another one for each address. */
function folderName(url: string): string {
  const { host } = new URL(url);
  const hash = createHash('sha256').update(url).digest('hex').slice(0, 16);
  return `${host.replace(/[^a-z0-9.-]/g, '_').slice(0, 100)}-${hash}`;
}
