// `vws account notices`: chooses which logins are reported by mail.
import { defineClientCommand, printResult } from '../../clientCommand.ts';
import { UsageError } from '../../errors.ts';
import { inStoredSession } from '../../session/open.ts';

export const command = defineClientCommand({
  name: 'account notices',
  description:
    'Chooses whether each login to your account is reported by mail. A new password, a recovery, a lock and a changed ' +
    'address are always reported.',
  args: { '<logins>': 'off or all' },
  json: '{"ok":true}',
  examples: ['vws account notices all', 'vws account notices off --json'],
  async run({ logins }, options, shell) {
    if (logins !== 'off' && logins !== 'all') throw new UsageError('Give off or all.');
    await inStoredSession(options, shell, (vws) => vws.setNotices({ login: logins }));
    printResult(shell, options, { ok: true }, () =>
      shell.note(logins === 'all' ? 'Each login is reported by mail.' : 'Logins are not reported.'),
    );
  },
});
