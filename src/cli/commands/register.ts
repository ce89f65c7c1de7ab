// `vws register`: creates an account and logs in.
import { defineClientCommand } from '../clientCommand.ts';
import { askNewPassword, askUntilAccepted } from '../newPassword.ts';
import { fetchAccount, finishLogin } from '../session/account.ts';
import { inAnySession } from '../session/open.ts';
import { ensurePin } from '../session/pin.ts';

export const command = defineClientCommand({
  name: 'register',
  description: 'Creates an account and logs in.',
  options: {
    '--username <name>': 'the name that others encrypt messages for',
    '--email <address>': 'the address that recovery codes are sent to',
    '--invite <code>': 'a code of the operator, if the server requires one',
  },
  input: ['username (unless --username)', 'email address (unless --email)', 'password (twice on a terminal)'],
  json: '{"server","username","email"}',
  notes:
    'The password must have 12 characters or more, or 8 or more with a lowercase letter, an uppercase letter, a digit and ' +
    'a symbol.',
  examples: [
    'vws register --server https://vws.example.org',
    `printf '%s\\n' "$PASSWORD" | vws register --username bob --email bob@example.org`,
  ],
  async run(values, options, shell) {
    if (options.suite === 2) await ensurePin(options, shell);
    const username = values.username ?? (await shell.ask('Username'));
    const email = values.email ?? (await shell.ask('Email address'));
    const account = await askUntilAccepted(
      shell,
      ['password_refused'],
      () => askNewPassword(shell, 'Password'),
      (password) =>
        inAnySession(options, shell, async (vws) => {
          await vws.register({ username, email, password, invite: values.invite });
          return fetchAccount(vws, { username, email });
        }),
    );
    await finishLogin(options, shell, account, 'Registered and logged in');
  },
});
