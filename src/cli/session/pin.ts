// The pinned fingerprint of a server: trust on first use, --pin, and the warning when the identity changes.
import { VwsError } from '../../client/error.ts';
import type { CommonOptions } from '../commonOptions.ts';
import { CommandError } from '../errors.ts';
import type { Shell } from '../terminal/shell.ts';
import { connectReporting } from './connect.ts';

/**
 * Asks a server for its fingerprint without opening a session.
 *
 * @returns the fingerprint; the server has presented a key signed by it
 * @throws {VwsError}
 */
export function fetchFingerprint(
  { url, timeoutMs }: Pick<CommonOptions, 'url' | 'timeoutMs'>,
  shell: Pick<Shell, 'note'>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const onFirstUse = (fingerprint: string) => {
      resolve(fingerprint);
      return false;
    };
    connectReporting(url, { onFirstUse, deadline: timeoutMs }, shell).catch(reject);
  });
}

/**
 * Makes sure that a fingerprint is pinned: the stored one, the one of `--pin`, or on first use the one that the server
 * presents and the user accepts.
 *
 * @returns the fingerprint that the server must have
 * @throws CommandError `identity_changed`, `identity_required`
 * @throws {VwsError} `identity_refused`, or an error of the connection
 */
export async function ensurePin(options: CommonOptions, shell: Shell): Promise<string> {
  const { url, pin, serverState } = options;
  const stored = serverState.readPin();
  if (stored !== undefined && (pin === undefined || pin === stored)) return stored;
  const shown = await fetchFingerprint(options, shell);
  if (pin === undefined) await trustOnFirstUse(options, shown, shell);
  else if (pin !== shown) throw identityChanged(url, { fingerprint: pin, from: '--pin' }, shown);
  else if (stored !== undefined) shell.note(`${url} now has a different pinned fingerprint:\n  ${shown}`);
  await serverState.withLock(async () => serverState.changePin(shown));
  return shown;
}

async function trustOnFirstUse(
  { url, trustFirstUse }: Pick<CommonOptions, 'url' | 'trustFirstUse'>,
  fingerprint: string,
  shell: Shell,
): Promise<void> {
  shell.note(`First connection to ${url}. Its fingerprint is\n  ${fingerprint}`);
  if (!shell.isTerminal) {
    if (isPlaintext(url) && !trustFirstUse) {
      throw new CommandError(
        'Over plain HTTP, an attacker can forge the fingerprint: give the one from the operator with --pin, or --trust-first-use.',
        'identity_required',
      );
    }
    shell.note('It is now trusted and pinned. To verify it in advance, use --pin.');
    return;
  }
  for (;;) {
    const answer = (
      await shell.ask('Does it match the fingerprint from the operator? Trust and pin it? (yes/no)')
    ).trim();
    if (/^y(es)?$/i.test(answer)) return;
    if (/^no?$/i.test(answer)) throw new VwsError('identity_refused', 'The server is not trusted. Nothing was sent.');
  }
}

/** Loopback traffic cannot be intercepted on the network. */
export function isPlaintext(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

interface ExpectedIdentity {
  readonly fingerprint: string;
  readonly from: '--pin' | 'stored';
}

/** The error for an unexpected fingerprint. Deliberately prominent: either a rare operator action or an attack. */
export function identityChanged(url: string, expected: ExpectedIdentity, shown: string): CommandError {
  const isStored = expected.from === 'stored';
  const title = isStored ? 'Server identification has changed.' : 'The server does not have the fingerprint of --pin.';
  const heading = isStored ? 'SERVER IDENTIFICATION HAS CHANGED' : 'SERVER DOES NOT HAVE THE FINGERPRINT OF --pin';
  const rule = '!'.repeat(72);
  const text = [
    '',
    rule,
    `WARNING: ${heading}`,
    '',
    `  server    ${url}`,
    `  expected  ${expected.fingerprint}`,
    `  shown     ${shown}`,
    '',
    `An attacker may be intercepting the connection, or ${isStored ? 'the server was set up again' : '--pin is for another server'}.`,
    'What is still safe: no password and no text was sent to it. Open sessions remain',
    'valid; new sessions are refused.',
    'What to do: ask the operator over a separate channel. Only if the operator confirms',
    `the fingerprint shown, start a new session with: --pin ${shown}`,
    rule,
  ].join('\n');
  return new CommandError(title, 'identity_changed', {
    text,
    fields: { server: url, expected: expected.fingerprint, shown },
  });
}
