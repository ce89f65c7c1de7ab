// `vws account email`: changes the email address, confirmed by a code sent to the new one.
import { defineClientCommand, printResult } from '../../clientCommand.ts';
import type { CommonOptions } from '../../commonOptions.ts';
import { UsageError } from '../../errors.ts';
import { askUntilAccepted } from '../../newPassword.ts';
import { inStoredSession, requireSession } from '../../session/open.ts';
import type { Shell } from '../../terminal/shell.ts';

export const command = defineClientCommand({
  name: 'account email',
  description:
    'Changes the email address of your account. A code is sent to the new address, and a notice to the old one once the ' +
    'address has changed.',
  args: { '[address]': 'the new address' },
  options: { '--code': 'continue with the code from the email' },
  input: ['password (unless --code)', 'code (on a terminal, or with --code)'],
  json: '{"ok":true}, also if only the code was sent',
  notes: 'Without a terminal, the command ends after the code was sent. Continue with --code.',
  examples: [
    'vws account email robert@example.org',
    `printf '%s\\n' "$PASSWORD" | vws account email robert@example.org --json`,
    `printf '%s\\n' "$CODE" | vws account email --code --json`,
  ],
  async run({ address, code }, options, shell) {
    if (code === (address !== undefined)) throw new UsageError('Give either the new address or --code.');
    requireSession(options);
    if (address !== undefined) {
      await sendCode(address, options, shell);
      if (!shell.isTerminal) {
        const next = () => shell.note('Continue with: vws account email --code');
        return printResult(shell, options, { ok: true }, next);
      }
    }
    await askUntilAccepted(
      shell,
      ['invalid_code'],
      () => shell.ask('Code'),
      (text) => inStoredSession(options, shell, (vws) => vws.confirmChangeEmail(text)),
    );
    printResult(shell, options, { ok: true }, () => shell.note('The email address was changed.'));
  },
});

async function sendCode(newEmail: string, options: CommonOptions, shell: Shell): Promise<void> {
  const password = await shell.askSecret('Password');
  await inStoredSession(options, shell, (vws) => vws.changeEmail({ newEmail, password }));
  shell.note(`A code was sent to ${newEmail}.`);
}
