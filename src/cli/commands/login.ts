// `vws login`: logs in.
import { defineClientCommand } from '../clientCommand.ts';
import { fetchAccount, finishLogin } from '../session/account.ts';
import { inAnySession } from '../session/open.ts';
import { ensurePin } from '../session/pin.ts';

export const command = defineClientCommand({
  name: 'login',
  description: 'Logs in. Later commands use this session and this server by default.',
  options: { '--email <address>': 'email address of the account' },
  input: ['email address (unless --email)', 'password'],
  json: '{"server","username","email"}; the username is null if the server does not report it',
  examples: [
    'vws login --server https://vws.example.org',
    `printf '%s\\n' "$PASSWORD" | vws login --email bob@example.org --json`,
    'vws login --email bob@example.org < password-file',
  ],
  async run(values, options, shell) {
    // An untrusted server is reported before the user types a password.
    if (options.suite === 2) await ensurePin(options, shell);
    const email = values.email ?? (await shell.ask('Email address'));
    const password = await shell.askSecret('Password');
    const account = await inAnySession(options, shell, async (vws) => {
      await vws.login({ email, password });
      return fetchAccount(vws, { username: null, email });
    });
    await finishLogin(options, shell, account, 'Logged in');
  },
});
