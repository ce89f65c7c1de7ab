// `vws sessions end-others`: ends all other sessions.
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { inStoredSession } from '../session/open.ts';

export const command = defineClientCommand({
  name: 'sessions end-others',
  description: 'Ends all sessions of your account except the current one.',
  json: '{"ok":true}',
  examples: ['vws sessions end-others', 'vws sessions end-others --json'],
  async run(_, options, shell) {
    await inStoredSession(options, shell, (vws) => vws.endOtherSessions());
    printResult(shell, options, { ok: true }, () => shell.note('All other sessions were ended.'));
  },
});
