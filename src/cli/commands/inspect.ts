// `vws inspect`: shows a token message without opening it.
import type { MessageInfo } from '../../client/index.ts';
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { readCiphertext } from '../readInput.ts';
import { inStoredSession, requireSession } from '../session/open.ts';
import { formatTime } from './formatTime.ts';
import { warnOfChangedContact } from './printMessage.ts';
import { describeSender } from './senderLine.ts';

export const command = defineClientCommand({
  name: 'inspect',
  description: 'Shows the sender, the limits and the state of a token message. This does not count as opening it.',
  args: { '[file]': 'the token (default, or with -: standard input). Whitespace in it is ignored' },
  json: '{"state","receipt","lastOpenedAt","size"}; also the fields of vws open except "text"',
  examples: ['vws inspect token', 'vws inspect < token', 'vws inspect token --json'],
  async run({ file }, options, shell) {
    requireSession(options);
    const token = await readCiphertext(file, shell, 'the token');
    const info = await inStoredSession(options, shell, (vws) => vws.inspect(token));
    printResult(shell, options, info, () => {
      warnOfChangedContact(info, shell);
      for (const [name, value] of rowsOf(info)) shell.print(`${name.padEnd(9)}${value}`);
    });
  },
});

function rowsOf(info: MessageInfo): [name: string, value: string][] {
  const { opens, maxOpens, receipt, lastOpenedAt } = info;
  const last = lastOpenedAt ? `, last on ${formatTime(lastOpenedAt)} UTC` : '';
  return [
    ['from', describeSender(info)],
    ['sent', `${formatTime(info.sentAt)} UTC`],
    ['expires', `${formatTime(info.expiresAt)} UTC`],
    ['state', info.state],
    ['opened', `${opens} ${maxOpens === null ? 'times, without a limit' : `of ${maxOpens} times`}${last}`],
    ['receipt', receipt ? 'yes: the sender sees when you open it' : 'no'],
  ];
}
