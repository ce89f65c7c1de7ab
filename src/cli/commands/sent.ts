// `vws sent`: lists the token messages that the account has sent.
import type { SentMessageInfo, Vws } from '../../client/index.ts';
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { inStoredSession } from '../session/open.ts';
import { formatTime } from './formatTime.ts';

export const command = defineClientCommand({
  name: 'sent',
  description:
    'Lists the token messages that you have sent, newest first: the recipient, the state, the opens, the expiry and the id. ' +
    'Messages without a receipt show no opens, and are active until they expire or you revoke them.',
  options: { '--all': 'all messages (default: the newest 50)' },
  json: '[{"id","recipient","state","opens","maxOpens","receipt","createdAt","expiresAt","endedAt", ...}, ...]',
  notes:
    'A note on standard error reports that another account tried to open a message. Revoke a message with vws revoke <id>. With ' +
    '--json, messages also have firstOpenedAt, lastOpenedAt, foreignAttempts and lastForeignAttemptAt.',
  examples: ['vws sent', 'vws sent --all --json'],
  async run({ all }, options, shell) {
    const { messages, next } = await inStoredSession(options, shell, (vws) => list(vws, all));
    printResult(shell, options, messages, () => {
      for (const line of renderTable(messages)) shell.print(line);
      for (const message of messages.filter(({ foreignAttempts }) => foreignAttempts > 0))
        shell.note(warningOf(message));
      if (next !== null) shell.note('There are older messages: vws sent --all');
    });
  },
});

async function list(vws: Vws, all: boolean): ReturnType<Vws['listSent']> {
  const page = await vws.listSent();
  while (all && page.next !== null) {
    const { messages, next } = await vws.listSent({ cursor: page.next });
    page.messages.push(...messages);
    page.next = next;
  }
  return page;
}

function renderTable(messages: readonly SentMessageInfo[]): string[] {
  const width = Math.max('recipient'.length, ...messages.map(({ recipient }) => recipient.length));
  const rows = messages.map(({ recipient, state, opens, maxOpens, expiresAt, id }) => [
    recipient.padEnd(width),
    state.padEnd('finished'.length),
    (opens === null ? '-' : `${opens}/${maxOpens ?? 'unlimited'}`).padEnd('0/unlimited'.length),
    formatTime(expiresAt),
    id,
  ]);
  const heading = ['recipient'.padEnd(width), 'state   ', 'opens      ', 'expires (UTC)      ', 'id'];
  return [heading, ...rows].map((cells) => cells.join('  '));
}

function warningOf({ id, recipient, lastForeignAttemptAt }: SentMessageInfo): string {
  const when = lastForeignAttemptAt ? ` on ${formatTime(lastForeignAttemptAt)} UTC` : '';
  return (
    `Another account tried to open message ${id}${when}. ` +
    `Someone else has its token, or ${recipient} used another account.`
  );
}
