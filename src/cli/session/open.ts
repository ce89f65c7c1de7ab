import { type Vws, VwsError } from '../../client/index.ts';
import { CommandError, type Shell } from '../command.ts';
import type { CommonOptions } from '../commonOptions.ts';
import { connectReporting } from './connect.ts';
import { describePending, readPending } from './pending.ts';
import { askFingerprint, ensurePin, identityChanged } from './pin.ts';

const UNANSWERED = ['network', 'deadline', 'bad_answer'];

type Task<T> = (vws: Vws) => Promise<T>;

/**
 * Does something in the session that is kept.
 *
 * @throws CommandError `not_logged_in` if none is kept
 * @throws {VwsError}
 */
export async function inSession<T>(options: CommonOptions, shell: Shell, task: Task<T>): Promise<T> {
  requireSession(options);
  const opener = await createOpener(options, shell);
  return options.kept.withLock(async () => {
    // Another command may have ended it in the meantime.
    requireSession(options);
    try {
      return await perform(() => opener.open(), task, options, shell);
    } catch (error) {
      // Somebody else's server knows no session of ours, too.
      if (isSessionLost(error)) await opener.checkIdentity();
      throw error;
    }
  });
}

/** Does something that a session can begin with: in the one that is kept if it still goes on, else in a new one. */
export async function inAnySession<T>(options: CommonOptions, shell: Shell, task: Task<T>): Promise<T> {
  const opener = await createOpener(options, shell);
  return options.kept.withLock(async () => {
    try {
      return await perform(() => opener.open(), task, options, shell);
    } catch (error) {
      if (!isSessionLost(error)) throw error;
      return perform(() => opener.openNew(), task, options, shell);
    }
  });
}

/** @throws CommandError `not_logged_in` */
export function requireSession({ kept, suite, url }: CommonOptions): void {
  if (kept.session(suite).load() === undefined) {
    throw new CommandError(`You are not logged in at ${url}. Log in with: vws login`, 'not_logged_in');
  }
}

async function perform<T>(open: () => Promise<Vws>, task: Task<T>, options: CommonOptions, shell: Shell): Promise<T> {
  const earlier = readPending(options);
  const vws = await open();
  try {
    return await task(vws);
  } catch (error) {
    if (error instanceof VwsError && UNANSWERED.includes(error.code)) {
      for (const line of describePending(earlier, readPending(options))) shell.note(line);
    }
    throw error;
  }
}

function isSessionLost(error: unknown): boolean {
  return error instanceof VwsError && error.sessionLost;
}

/** Nobody is between programs of one machine. */
function isInClear(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

interface Opener {
  /** Goes on with the session that is kept, or begins one. */
  open(): Promise<Vws>;
  /** Begins one. What is kept is given up only when that succeeded: who said that it is lost may not be the server. */
  openNew(): Promise<Vws>;
  /** @throws CommandError `identity_changed` */
  checkIdentity(): Promise<void>;
}

async function createOpener(options: CommonOptions, shell: Shell): Promise<Opener> {
  const { url, timeout, kept } = options;
  const storage = kept.session(options.suite);
  const fresh = { ...storage, load: () => undefined };
  const common = { deadline: timeout };
  if (options.suite === 1) {
    if (isInClear(url))
      shell.note('Suite 1 without HTTPS: whoever is between here and the server can read everything.');
    const { suite1: suite } = await import('../../client/suite1/suite.ts');
    return {
      open: () => connectReporting(url, { ...common, suite, storage }, shell),
      openNew: () => connectReporting(url, { ...common, suite, storage: fresh }, shell),
      checkIdentity: async () => {},
    };
  }
  const pin = await ensurePin(options, shell);
  const checkIdentity = async () => {
    // Without an answer, the error that led here is the one to tell.
    const shown = await askFingerprint(options, shell).catch(() => pin);
    if (shown !== pin) throw identityChanged(url, { fingerprint: pin, from: 'kept' }, shown);
  };
  const open = async (from: typeof storage) => {
    try {
      return await connectReporting(url, { ...common, pin, storage: from }, shell);
    } catch (error) {
      if (error instanceof VwsError && error.code === 'identity_changed') await checkIdentity();
      throw error;
    }
  };
  return { open: () => open(storage), openNew: () => open(fresh), checkIdentity };
}
