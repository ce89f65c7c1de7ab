import { parseOptions, readArguments, type Shell } from '../command.ts';
import { commonOptions, commonOptionsHelp, readCommonOptions } from '../commonOptions.ts';
import { askNewPassword, askUntilAccepted } from '../newPassword.ts';
import { askAccount, tellAccount } from '../session/account.ts';
import { inAnySession } from '../session/open.ts';
import { ensurePin } from '../session/pin.ts';

export const help = `Usage: vws register [options]

Makes an account and logs in to it.

  --username <name>    what others encrypt for; asked for without it
  --email <address>    what recovery codes are mailed to; asked for without it
${commonOptionsHelp}

The password is asked for, twice, and not shown: a passphrase of 12 or more characters, or 8 or more with lower case,
upper case, digit and sign. Where the standard input is no terminal, each answer is a line of it, once, in this order:
name, e-mail address (unless the options are there), password.

Examples:
  vws register --server https://vws.example.org
  printf '%s\\n' "$PASSWORD" | vws register --username bob --email bob@example.org`;

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({
    args,
    options: { ...commonOptions, username: { type: 'string' }, email: { type: 'string' } },
    allowPositionals: true,
  });
  readArguments(positionals);
  const options = readCommonOptions(values, shell);
  if (options.suite === 2) await ensurePin(options, shell);
  const username = values.username ?? (await shell.ask('Name'));
  const email = values.email ?? (await shell.ask('E-mail address'));
  const account = await askUntilAccepted(
    shell,
    ['password_refused'],
    () => askNewPassword(shell, 'Password'),
    (password) =>
      inAnySession(options, shell, async (vws) => {
        await vws.register({ username, email, password });
        return askAccount(vws, { username, email });
      }),
  );
  await tellAccount(options, shell, account, 'Registered and logged in');
}
