// `vws sessions`: lists the sessions of the account.
import type { SessionInfo } from '../../client/index.ts';
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { inStoredSession } from '../session/open.ts';
import { formatTime } from './formatTime.ts';

/** Ids have 43 characters; this many distinguish the sessions of one account. */
const SHOWN_ID_LENGTH = 10;

export const command = defineClientCommand({
  name: 'sessions',
  description:
    'Lists the sessions that are logged in to your account, most recently used first. * marks the current one.',
  json: '[{"id","suite","startedAt","lastUsedAt","current","label"}, ...]',
  notes: 'End one session with vws sessions end <id>, and all others with vws sessions end-others.',
  examples: ['vws sessions', 'vws sessions --json'],
  async run(_, options, shell) {
    const sessions = await inStoredSession(options, shell, (vws) => vws.listSessions());
    printResult(shell, options, sessions, () => {
      for (const line of renderTable(sessions)) shell.print(line);
    });
  },
});

function renderTable(sessions: readonly SessionInfo[]): string[] {
  const rows = sessions.map(({ id, suite, startedAt, lastUsedAt, current, label }) => [
    current ? '*' : ' ',
    id.slice(0, SHOWN_ID_LENGTH),
    startedAt ? formatTime(startedAt) : 'unknown',
    formatTime(lastUsedAt),
    String(suite).padEnd('suite'.length),
    label ?? '',
  ]);
  const heading = [
    ' ',
    'id'.padEnd(SHOWN_ID_LENGTH),
    'started (UTC)'.padEnd(19),
    'last used (UTC)'.padEnd(19),
    'suite',
    'label',
  ];
  return [heading, ...rows].map((cells) => cells.join('  ').trimEnd());
}
