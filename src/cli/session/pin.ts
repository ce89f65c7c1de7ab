import { VwsError } from '../../client/index.ts';
import { CommandError, type Output, type Shell } from '../command.ts';
import type { CommonOptions } from '../commonOptions.ts';
import { connectReporting } from './connect.ts';

/**
 * Asks a server who it is, without opening a session.
 *
 * @returns its fingerprint; the server has shown a key that is signed by it
 * @throws {VwsError}
 */
export function askFingerprint(
  { url, timeout }: Pick<CommonOptions, 'url' | 'timeout'>,
  output: Output,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const onFirstUse = (fingerprint: string) => {
      resolve(fingerprint);
      return false;
    };
    connectReporting(url, { onFirstUse, deadline: timeout }, output).catch(reject);
  });
}

/**
 * Sees to it that there is a fingerprint that the server must have: the one that is kept, or the one of `--pin`, or, at
 * first use, the one that the server shows and the user trusts.
 *
 * @throws CommandError `identity_changed`
 * @throws {VwsError} `identity_refused`, and for lack of an answer
 */
export async function ensurePin(options: CommonOptions, shell: Shell): Promise<string> {
  const { url, pin, kept } = options;
  const known = kept.readPin();
  if (known !== undefined && (pin === undefined || pin === known)) return known;
  const shown = await askFingerprint(options, shell);
  if (pin === undefined) await trustOnFirstUse(url, shown, shell);
  else if (pin !== shown) throw identityChanged(url, { fingerprint: pin, from: 'pin' }, shown);
  else if (known !== undefined) shell.note(`${url} is known by another fingerprint from now on:\n  ${shown}`);
  await kept.withLock(async () => kept.changePin(shown));
  return shown;
}

async function trustOnFirstUse(url: string, fingerprint: string, shell: Shell): Promise<void> {
  shell.note(`First use of ${url}, which has the fingerprint\n  ${fingerprint}`);
  if (!shell.isTerminal) {
    shell.note('It is trusted from now on, and no other one will be. To check it beforehand, give it with --pin.');
    return;
  }
  const question = 'Is that what its operator tells? Trust it from now on, and no other one? (yes/no)';
  for (;;) {
    const answer = (await shell.ask(question)).trim();
    if (/^y(es)?$/i.test(answer)) return;
    if (/^no?$/i.test(answer)) throw new VwsError('identity_refused', 'The server is not trusted. Nothing was sent.');
  }
}

/** What the server should have shown, and who says so. */
interface Expected {
  readonly fingerprint: string;
  readonly from: 'pin' | 'kept';
}

/** Loud, because it is either a rare act of the operator or an attack. */
export function identityChanged(url: string, { fingerprint, from }: Expected, shown: string): CommandError {
  const isKept = from === 'kept';
  const title = `The server is not the one that ${isKept ? 'it was' : '--pin names'}.`;
  const rule = '!'.repeat(72);
  const causes = isKept
    ? ['Somebody may be between you and the server, or the server was set up anew.']
    : ['Somebody may be between you and the server, or --pin names another server.'];
  const text = [
    '',
    rule,
    `WARNING: ${isKept ? 'THE SERVER IS NOT THE ONE THAT IT WAS' : 'THE SERVER IS NOT THE ONE THAT --pin NAMES'}.`,
    '',
    `  server    ${url}`,
    `  expected  ${fingerprint}`,
    `  shown     ${shown}`,
    '',
    ...causes,
    'Nothing that it could read was sent: no password and no text.',
    'Sessions that are open go on; a new session is refused.',
    'Ask the operator, by another way than this server. Only if the fingerprint that is',
    `shown is confirmed, begin a new session with: --pin ${shown}`,
    rule,
  ].join('\n');
  return new CommandError(title, 'identity_changed', { text, fields: { server: url, expected: fingerprint, shown } });
}
