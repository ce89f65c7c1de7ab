// `vws account notices`: chooses which logins are reported by mail.
import { defineClientCommand, printResult } from '../../clientCommand.ts';
import { UsageError } from '../../errors.ts';
import { inStoredSession } from '../../session/open.ts';

const REPORTED = {
  off: 'Logins are not reported.',
  new_devices: 'Logins from new devices are reported by mail.',
  all: 'Each login is reported by mail.',
};

export const command = defineClientCommand({
  name: 'account notices',
  description:
    'Chooses which logins to your account are reported by mail: none, those of new devices, or all. A new password, a recovery, a lock and a changed ' +
    'address are always reported.',
  args: { '<logins>': 'off, new_devices or all' },
  json: '{"ok":true}',
  examples: ['vws account notices new_devices', 'vws account notices off --json'],
  async run({ logins }, options, shell) {
    if (logins !== 'off' && logins !== 'new_devices' && logins !== 'all') {
      throw new UsageError('Give off, new_devices or all.');
    }
    await inStoredSession(options, shell, (vws) => vws.setNotices({ login: logins }));
    printResult(shell, options, { ok: true }, () => shell.note(REPORTED[logins]));
  },
});
