import type { SessionInfo, Vws } from '../../client/index.ts';
import { CommandError, parseOptions, readArguments, type Shell } from '../command.ts';
import { commonOptions, commonOptionsHelp, readCommonOptions, tell } from '../commonOptions.ts';
import { inSession } from '../session/open.ts';

export const help = `Usage: vws sessions [options]

Lists the sessions that are logged in to your account, the one used last first. * is the one of this command.

${commonOptionsHelp}

End one with vws sessions end <id>, all but this one with vws sessions end-others.

Examples:
  vws sessions
  vws sessions --json     [{"id","suite","startedAt","lastUsedAt","current"}, ...]`;

/** Of 43 characters; more than enough to tell the sessions of one account apart. */
const SHOWN_ID_LENGTH = 10;

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({ args, options: commonOptions, allowPositionals: true });
  readArguments(positionals);
  const options = readCommonOptions(values, shell);
  const sessions = await inSession(options, shell, (vws) => vws.listSessions());
  tell(shell, options, sessions, () => {
    for (const line of table(sessions)) shell.print(line);
  });
}

function table(sessions: readonly SessionInfo[]): string[] {
  const rows = sessions.map(({ id, suite, startedAt, lastUsedAt, current }) => [
    current ? '*' : ' ',
    id.slice(0, SHOWN_ID_LENGTH),
    startedAt ? formatTime(startedAt) : 'unknown',
    formatTime(lastUsedAt),
    String(suite),
  ]);
  const heading = [
    ' ',
    'id'.padEnd(SHOWN_ID_LENGTH),
    'started (UTC)'.padEnd(19),
    'last used (UTC)'.padEnd(19),
    'suite',
  ];
  return [heading, ...rows].map((cells) => cells.join('  '));
}

function formatTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}

/**
 * @param prefix the id, or as much of its beginning as no other one has
 * @throws CommandError if it is not one of the other sessions
 */
export async function findOtherSession(vws: Vws, prefix: string): Promise<SessionInfo> {
  const found = (await vws.listSessions()).filter(({ id }) => id.startsWith(prefix));
  const [session] = found;
  if (!session) throw new CommandError(`There is no session ${prefix}. See: vws sessions`, 'no_such_session');
  if (found.length > 1) throw new CommandError(`More than one session begins with ${prefix}.`, 'no_such_session');
  if (session.current) throw new CommandError('That is the session of this command. End it with: vws logout');
  return session;
}
