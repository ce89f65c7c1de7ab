// `vws rename`: changes the username.
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { fetchAccount } from '../session/account.ts';
import { inStoredSession, requireSession } from '../session/open.ts';

export const command = defineClientCommand({
  name: 'rename',
  description: 'Changes the username of your account. Messages encrypted for the old name can still be decrypted.',
  args: { '<username>': 'the new username' },
  input: ['password'],
  json: '{"username"}',
  examples: ['vws rename robert', 'vws rename robert --json < password-file'],
  async run({ username: newUsername }, options, shell) {
    requireSession(options);
    const password = await shell.askSecret('Password');
    const { username } = await inStoredSession(options, shell, async (vws) => {
      await vws.changeUsername({ newUsername, password });
      return fetchAccount(vws, { username: newUsername, email: '' });
    });
    printResult(shell, options, { username }, () => shell.note(`Your username is now ${username}.`));
  },
});
