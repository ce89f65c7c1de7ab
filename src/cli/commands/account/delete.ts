// `vws account delete`: deletes the account.
import { defineClientCommand, printResult } from '../../clientCommand.ts';
import { inStoredSession, requireSession } from '../../session/open.ts';

export const command = defineClientCommand({
  name: 'account delete',
  description:
    'Deletes your account and ends all sessions. Messages written to you can never be opened again. This cannot be undone. ' +
    'Your username is never given to another user.',
  input: ['your username, as a confirmation', 'password'],
  json: '{"ok":true}',
  examples: ['vws account delete', `printf '%s\\n' "$USERNAME" "$PASSWORD" | vws account delete --json`],
  async run(_, options, shell) {
    requireSession(options);
    shell.note('Messages written to you can never be opened again. This cannot be undone.');
    const username = await shell.ask('Your username, to confirm');
    const password = await shell.askSecret('Password');
    await inStoredSession(options, shell, async (vws) => {
      await vws.deleteAccount({ username, password });
      options.serverState.session(options.suite).clear();
    });
    printResult(shell, options, { ok: true }, () => shell.note('The account was deleted.'));
  },
});
