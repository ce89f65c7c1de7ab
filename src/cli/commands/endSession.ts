// `vws sessions end`: ends one of the other sessions.
import type { SessionInfo, Vws } from '../../client/index.ts';
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { CommandError } from '../errors.ts';
import { inStoredSession } from '../session/open.ts';

export const command = defineClientCommand({
  name: 'sessions end',
  description: 'Ends one of the other sessions of your account. End the current session with vws logout.',
  args: { '<id>': 'the id that vws sessions shows, or its first characters' },
  json: '{"ended"}, the complete id',
  examples: [
    'vws sessions end He9ZMSMEFv',
    ['vws sessions end --json -- -e9ZMSMEFv', 'an id that begins with a hyphen: put options before --'],
  ],
  async run({ id: prefix }, options, shell) {
    const ended = await inStoredSession(options, shell, async (vws) => {
      const { id } = await findOtherSession(vws, prefix);
      await vws.endSession(id);
      return id;
    });
    printResult(shell, options, { ended }, () => shell.note('The session was ended.'));
  },
});

/** @throws CommandError unless exactly one session matches, and it is not the current one */
async function findOtherSession(vws: Vws, prefix: string): Promise<SessionInfo> {
  const found = (await vws.listSessions()).filter(({ id }) => id.startsWith(prefix));
  const [session] = found;
  if (!session) throw new CommandError(`No session ${prefix} found. List them with: vws sessions`, 'no_such_session');
  if (found.length > 1)
    throw new CommandError(`Several sessions begin with ${prefix}. Give more characters.`, 'no_such_session');
  if (session.current) throw new CommandError('This is the current session. End it with: vws logout');
  return session;
}
