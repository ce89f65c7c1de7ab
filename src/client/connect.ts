// `connect`: opens a session with a server, or resumes a stored one.
import { DeviceTokens } from './deviceTokens.ts';
import { VwsError } from './error.ts';
import type { ConnectOptions } from './options.ts';
import { retry } from './retry.ts';
import { type SentMessage, sentMessage } from './sentMessage.ts';
import { Session } from './session.ts';
import { loadSession, saveSession } from './storedSession.ts';
import { type HandshakeContext, type PendingRequest, RefusedError, type SessionState, type Suite } from './suite.ts';
import { suite2 } from './suite2/suite.ts';
import { systemClock, type TimeLimit, withTimeLimit } from './timeLimit.ts';
import { createPost } from './transport.ts';
import { Vws } from './vws.ts';

/**
 * Opens a session with a server, or resumes the one in the storage, which makes no request.
 *
 * @param url the server's base URL, for example `https://vws.example.org`
 * @param options `pin` or `onFirstUse` is required, except in suite 1
 * @throws {VwsError} `url_invalid`, `identity_required`, `identity_changed`, `identity_refused`, `descriptor_invalid`,
 *   `downgrade_refused`, `handshake_refused`, `storage_failed`, `network`, `deadline`, `aborted`, `bad_answer`,
 *   `suite1_refused`, `too_many_requests`, `overloaded`
 *
 * @example
 * const vws = await connect('https://vws.example.org', { pin: 'j7S1z…' });
 * await vws.login({ email: 'alice@example.org', password });
 * const message = await vws.encrypt('bob', 'See you at eight.');
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Vws> {
  const { pin, storage, suite = suite2, clock = systemClock, signal, deadline } = options;
  checkUrl(url);
  checkIdentityOptions(options, suite);
  const base = url.replace(/\/+$/, '');
  const post = createPost(base, options.fetch);
  const save = (state: SessionState, pending?: PendingRequest) => saveSession(storage, suite, base, state, pending);

  async function start(limit: TimeLimit, known: string | undefined, earlier?: SessionState): Promise<SessionState> {
    let trusted = known;
    return retry(limit, () => {
      const context: HandshakeContext = {
        post: (path, body) => post(path, JSON.stringify(body), limit),
        now: () => clock.now(),
        pin: trusted,
        async trust(fingerprint) {
          await limit.pausing(() => ask(options.onFirstUse, fingerprint));
          trusted = fingerprint;
        },
      };
      return suite.start(context, earlier);
    }).catch((thrown) => {
      throw thrown instanceof RefusedError ? thrown.error : thrown;
    });
  }

  async function startAndSave(): Promise<SessionState> {
    const state = await withTimeLimit({ signal, deadline }, clock, (limit) => start(limit, pin));
    await save(state);
    return state;
  }

  const stored = await loadSession(storage, suite, base);
  if (stored && pin !== undefined && stored.state.fingerprint !== pin) {
    throw new VwsError('identity_changed', 'The stored session belongs to a server with a different fingerprint.');
  }
  const session = new Session({
    state: stored?.state ?? (await startAndSave()),
    pending: stored?.pending,
    post,
    clock,
    deadline,
    save,
    renew: (limit, state) => start(limit, state.fingerprint, state),
    reportUnclaimed: (fields) => report(options.onUnclaimedSend, sentMessage(fields)),
  });
  const devices = await DeviceTokens.load(options.deviceStorage);
  return new Vws({ url: base, suite: suite.id, label: options.label }, session, devices, options.contacts);
}

/** With an invalid address, every request would fail as if the network were down. */
function checkUrl(text: string): void {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {}
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || /[?#]/.test(text)) {
    throw new VwsError(
      'url_invalid',
      'The URL must be like https://vws.example.org, with http: or https: and no query.',
    );
  }
}

function checkIdentityOptions({ pin, onFirstUse }: ConnectOptions, { id }: Suite): void {
  if (id === 1 && (pin !== undefined || onFirstUse)) {
    throw new VwsError('downgrade_refused', 'Servers have no identity in suite 1: remove pin and onFirstUse.');
  }
  if (id === 2 && (pin === undefined ? !onFirstUse : !/^[\w-]{43}$/.test(pin))) {
    throw new VwsError(
      'identity_required',
      'Pass the fingerprint of the server (43 characters) as pin, or onFirstUse.',
    );
  }
}

async function ask(onFirstUse: ConnectOptions['onFirstUse'], fingerprint: string): Promise<void> {
  let cause: unknown;
  try {
    if ((await onFirstUse?.(fingerprint)) !== false) return;
  } catch (thrown) {
    cause = thrown;
  }
  throw new VwsError('identity_refused', "The server's identity was refused.", { cause });
}

async function report(onUnclaimedSend: ConnectOptions['onUnclaimedSend'], sent: SentMessage): Promise<void> {
  try {
    await onUnclaimedSend?.(sent);
  } catch (cause) {
    throw new VwsError('storage_failed', 'onUnclaimedSend has failed.', { cause });
  }
}
