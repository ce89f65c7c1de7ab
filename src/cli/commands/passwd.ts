// `vws passwd`: changes the password.
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { askNewPassword, askUntilAccepted } from '../newPassword.ts';
import { inStoredSession, requireSession } from '../session/open.ts';

export const command = defineClientCommand({
  name: 'passwd',
  description: 'Changes the password of your account and ends all other sessions.',
  input: ['current password', 'new password'],
  json: '{"ok":true}',
  examples: ['vws passwd', `printf '%s\\n' "$OLD" "$NEW" | vws passwd --json`],
  async run(_, options, shell) {
    requireSession(options);
    const password = await shell.askSecret('Current password');
    await askUntilAccepted(
      shell,
      ['password_refused'],
      () => askNewPassword(shell, 'New password'),
      (newPassword) => inStoredSession(options, shell, (vws) => vws.changePassword({ password, newPassword })),
    );
    printResult(shell, options, { ok: true }, () =>
      shell.note('The password was changed. All other sessions were ended.'),
    );
  },
});
