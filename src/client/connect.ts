import { type Budget, systemClock, withBudget } from './budget.ts';
import { createVws } from './calls.ts';
import { VwsError } from './error.ts';
import type { ConnectOptions } from './options.ts';
import { retry } from './retry.ts';
import { loadSession, saveSession } from './saved.ts';
import { createSession } from './session.ts';
import { type HandshakeContext, type PendingRequest, Refused, type Step, type Suite } from './suite.ts';
import { suite2 } from './suite2/suite.ts';
import { createPost } from './transport.ts';
import type { Vws } from './vws.ts';

/**
 * Opens a session with a server, or goes on with the one that is in the storage, which asks nothing of the network.
 *
 * @param url the server's base URL, for example `https://vws.example.org`
 * @throws {VwsError} see {@link VwsErrorCode}
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
  const save = (step: Step, pending?: PendingRequest) => saveSession(storage, suite, base, step, pending);

  async function start(budget: Budget, known: string | undefined, earlier?: Step): Promise<Step> {
    let trusted = known;
    return retry(budget, () => {
      const context: HandshakeContext = {
        post: (path, body) => post(path, JSON.stringify(body), budget),
        now: () => clock.now(),
        pin: trusted,
        async trust(fingerprint) {
          await budget.pausing(() => ask(options.onFirstUse, fingerprint));
          trusted = fingerprint;
        },
      };
      return suite.start(context, earlier);
    }).catch((thrown) => {
      throw thrown instanceof Refused ? thrown.error : thrown;
    });
  }

  async function startAndSave(): Promise<Step> {
    const step = await withBudget({ signal, deadline }, clock, (budget) => start(budget, pin));
    await save(step);
    return step;
  }

  const saved = await loadSession(storage, suite, base);
  if (saved && pin !== undefined && saved.step.fingerprint !== pin) {
    throw new VwsError('identity_changed', 'The stored session is with a server of another identity than the pinned.');
  }
  const session = createSession({
    step: saved?.step ?? (await startAndSave()),
    pending: saved?.pending,
    post,
    clock,
    deadline,
    save,
    renew: (budget, step) => start(budget, step.fingerprint, step),
  });
  return createVws({ url: base, suite: suite.id }, session);
}

/** A request to such an address would fail each time, and look like a network that does. */
function checkUrl(text: string): void {
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {}
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || /[?#]/.test(text)) {
    throw new VwsError('url_invalid', 'The server’s URL must be like https://vws.example.org, or http:, path allowed.');
  }
}

function checkIdentityOptions({ pin, onFirstUse }: ConnectOptions, { id }: Suite): void {
  if (id === 1 && (pin !== undefined || onFirstUse)) {
    throw new VwsError('downgrade_refused', 'Servers have no identity in suite 1 that could be pinned.');
  }
  if (id === 2 && (pin === undefined ? !onFirstUse : !/^[\w-]{43}$/.test(pin))) {
    throw new VwsError('identity_required', 'Give the server’s fingerprint, 43 characters, as the pin, or onFirstUse.');
  }
}

async function ask(onFirstUse: ConnectOptions['onFirstUse'], fingerprint: string): Promise<void> {
  let cause: unknown;
  try {
    if ((await onFirstUse?.(fingerprint)) !== false) return;
  } catch (thrown) {
    cause = thrown;
  }
  throw new VwsError('identity_refused', 'The server’s identity was refused.', { cause });
}
