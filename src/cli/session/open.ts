// Opens the session of a command: resumes the stored one, or starts a new one.
import { VwsError } from '../../client/error.ts';
import type { ConnectOptions, SentMessage, SessionStorage, Vws } from '../../client/index.ts';
import type { CommonOptions } from '../commonOptions.ts';
import { CommandError } from '../errors.ts';
import type { Shell } from '../terminal/shell.ts';
import { connectReporting } from './connect.ts';
import { describePending, readPending } from './pending.ts';
import { ensurePin, fetchFingerprint, identityChanged, isPlaintext } from './pin.ts';

const NO_RESPONSE_CODES = ['network', 'deadline', 'bad_answer'];

/** Label of the sessions of the command in the list of sessions. */
const SESSION_LABEL = 'vws command';

type Task<T> = (vws: Vws) => Promise<T>;

/**
 * Runs a task in the stored session.
 *
 * @param acceptsContact stores the users behind names again instead of comparing them
 * @throws CommandError `not_logged_in` if no session is stored
 * @throws {VwsError}
 */
export async function inStoredSession<T>(
  options: CommonOptions,
  shell: Shell,
  task: Task<T>,
  { acceptsContact = false } = {},
): Promise<T> {
  requireSession(options);
  const opener = await prepare(options, shell, acceptsContact);
  return options.serverState.withLock(async () => {
    // Another command may have ended it in the meantime.
    requireSession(options);
    try {
      return await opener.resume(task);
    } catch (error) {
      // A different server would not know the session either.
      if (isSessionLost(error)) await opener.checkIdentity();
      throw error;
    }
  });
}

/** Runs a task in the stored session if the server still accepts it, otherwise in a new one. */
export async function inAnySession<T>(options: CommonOptions, shell: Shell, task: Task<T>): Promise<T> {
  const opener = await prepare(options, shell);
  return options.serverState.withLock(async () => {
    try {
      return await opener.resume(task);
    } catch (error) {
      if (!isSessionLost(error)) throw error;
      return opener.startNew(task);
    }
  });
}

/** @throws CommandError `not_logged_in` */
export function requireSession({ serverState, suite, url }: CommonOptions): void {
  if (serverState.session(suite).load() === undefined) {
    throw new CommandError(`You are not logged in at ${url}. Log in with: vws login`, 'not_logged_in');
  }
}

function isSessionLost(error: unknown): boolean {
  return error instanceof VwsError && error.sessionLost;
}

/** Prompts and checks the identity, before the lock is taken. */
async function prepare(options: CommonOptions, shell: Shell, acceptsContact = false): Promise<SessionOpener> {
  if (options.suite === 2) {
    const stored = options.serverState.contacts();
    const contacts = acceptsContact ? { ...stored, get: () => undefined } : stored;
    return new SessionOpener(options, shell, { pin: await ensurePin(options, shell), contacts });
  }
  if (isPlaintext(options.url)) {
    shell.note('WARNING: suite 1 without HTTPS. Anyone on the network path can read everything.');
  }
  const { suite1 } = await import('../../client/suite1/suite.ts');
  return new SessionOpener(options, shell, { suite: suite1 });
}

/** Opens sessions with the server that the options and the pin identify. */
class SessionOpener {
  readonly #options: CommonOptions;
  readonly #shell: Shell;
  readonly #identity: Pick<ConnectOptions, 'pin' | 'contacts' | 'suite'>;
  readonly #storage: SessionStorage;

  constructor(options: CommonOptions, shell: Shell, identity: Pick<ConnectOptions, 'pin' | 'contacts' | 'suite'>) {
    this.#options = options;
    this.#shell = shell;
    this.#identity = identity;
    this.#storage = options.serverState.session(options.suite);
  }

  /** Resumes the stored session, or starts one if none is stored. */
  resume<T>(task: Task<T>): Promise<T> {
    return this.#run(this.#storage, task);
  }

  /** Starts a session. The stored one is replaced only on success, because an attacker may claim that it is lost. */
  startNew<T>(task: Task<T>): Promise<T> {
    return this.#run({ ...this.#storage, load: () => undefined }, task);
  }

  /** @throws CommandError `identity_changed` */
  async checkIdentity(): Promise<void> {
    const { pin } = this.#identity;
    if (pin === undefined) return;
    // Without a response, the caller reports its own error.
    const shown = await fetchFingerprint(this.#options, this.#shell).catch(() => pin);
    if (shown !== pin) throw identityChanged(this.#options.url, { fingerprint: pin, from: 'stored' }, shown);
  }

  async #run<T>(storage: SessionStorage, task: Task<T>): Promise<T> {
    const before = readPending(this.#options);
    const vws = await this.#connect(storage);
    try {
      return await task(vws);
    } catch (error) {
      if (error instanceof VwsError && NO_RESPONSE_CODES.includes(error.code)) {
        for (const line of describePending(before, readPending(this.#options))) this.#shell.note(line);
      }
      throw error;
    }
  }

  async #connect(storage: SessionStorage): Promise<Vws> {
    const { url, timeoutMs, serverState } = this.#options;
    const deviceStorage = serverState.devices();
    const onUnclaimedSend = ({ token, id }: SentMessage) =>
      this.#shell.note(`An earlier vws send has succeeded. Its token: ${token}\nRevoke it with: vws revoke ${id}`);
    try {
      return await connectReporting(
        url,
        { ...this.#identity, deadline: timeoutMs, storage, deviceStorage, label: SESSION_LABEL, onUnclaimedSend },
        this.#shell,
      );
    } catch (error) {
      if (error instanceof VwsError && error.code === 'identity_changed') await this.checkIdentity();
      throw error;
    }
  }
}
