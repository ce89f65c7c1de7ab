import { connect, VwsError } from '../client/index.ts';
import { CommandError, type Output, type Shell } from './command.ts';
import type { CommonOptions } from './commonOptions.ts';
import { reportingFetch } from './reportingFetch.ts';

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
    connect(url, { onFirstUse, deadline: timeout, fetch: reportingFetch(url, timeout, output) }).catch(reject);
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
  else if (pin !== shown) throw identityChanged(url, pin, shown);
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

/** Loud, because it is either a rare act of the operator or an attack. */
export function identityChanged(url: string, known: string, shown: string): CommandError {
  const rule = '!'.repeat(72);
  const message = [
    '',
    rule,
    'WARNING: THE SERVER IS NOT THE ONE THAT IT WAS.',
    '',
    `  server    ${url}`,
    `  expected  ${known}`,
    `  shown     ${shown}`,
    '',
    'Somebody may be between you and the server, or the server was set up anew.',
    'Nothing that it could read was sent: no password and no text.',
    'Ask the operator, by another way than this server. Only if the fingerprint that is',
    `shown is confirmed, go on with: --pin ${shown}`,
    rule,
  ];
  return new CommandError(message.join('\n'), 'identity_changed');
}
