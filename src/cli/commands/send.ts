// `vws send`: sends a token message.
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { UsageError } from '../errors.ts';
import { readText } from '../readInput.ts';
import { inStoredSession, requireSession } from '../session/open.ts';
import { formatTime } from './formatTime.ts';

const SECONDS = { m: 60, h: 3_600, d: 86_400 } as const;

export const command = defineClientCommand({
  name: 'send',
  description:
    'Encrypts a message on this computer, stores it on the server and prints its token: 22 characters that open the message ' +
    'together with the login of the recipient. The server never receives the token.',
  args: { '<username>': 'the recipient' },
  options: {
    '--file <path>': 'the message to send (default: standard input)',
    '--expires <time>': 'when the message expires, as 30m, 12h or 7d (default: chosen by the server, usually 7d)',
    '--opens <number>': 'how often the message can be opened, or unlimited (default: 1)',
    '--no-receipt': 'do not record for you whether and when the message is opened',
    '--accept-contact': 'accept that the name belongs to another user than before',
  },
  json: '{"token","id","expiresAt"}',
  notes:
    'The message must be UTF-8 and is preserved exactly, including the last line break. It can be opened only with the token: ' +
    'if you lose it, revoke the message with vws sent and vws revoke.',
  examples: [
    'vws send bob < note.txt > token',
    `echo 'See you at eight.' | vws send bob --expires 12h --no-receipt`,
    ['vws send bob --file note.txt --opens unlimited --json', 'for a video that is watched again'],
  ],
  async run(
    { username, file, expires, opens, 'no-receipt': noReceipt, 'accept-contact': acceptsContact },
    options,
    shell,
  ) {
    requireSession(options);
    const limits = { expiresIn: readDuration(expires), maxOpens: readOpens(opens), receipt: !noReceipt };
    const text = await readText(file, shell);
    const sent = await inStoredSession(options, shell, (vws) => vws.send(username, text, limits), { acceptsContact });
    printResult(shell, options, sent, () => {
      shell.print(sent.token);
      shell.note(`Expires ${formatTime(sent.expiresAt)} UTC. Revoke it with: vws revoke ${sent.id}`);
    });
  },
});

/** @returns seconds */
function readDuration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, number, unit] = /^([1-9]\d{0,5})([mhd])$/.exec(text.trim()) ?? [];
  if (!unit) throw new UsageError('--expires must be a number of minutes, hours or days, as 30m, 12h or 7d.');
  return Number(number) * SECONDS[unit as keyof typeof SECONDS];
}

function readOpens(text = '1'): number | null {
  if (text.trim() === 'unlimited') return null;
  if (!/^[1-9]\d{0,5}$/.test(text.trim())) throw new UsageError('--opens must be a number from 1 on, or unlimited.');
  return Number(text);
}
