import { parseOptions, readArguments, type Shell } from '../command.ts';
import { commonOptions, commonOptionsHelp, readCommonOptions } from '../commonOptions.ts';
import { askAccount, tellAccount } from '../session/account.ts';
import { inAnySession } from '../session/open.ts';
import { ensurePin } from '../session/pin.ts';

export const help = `Usage: vws login [options]

Logs in. The commands after this one use the session, and this server.

  --email <address>    of the account; asked for without it
${commonOptionsHelp}

The password is asked for and not shown. Where the standard input is no terminal, each answer is a line of it, in this
order: e-mail address (unless --email is there), password.

Examples:
  vws login --server https://vws.example.org
  printf '%s\\n' "$PASSWORD" | vws login --email bob@example.org --json
  vws login --email bob@example.org < password-file`;

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({
    args,
    options: { ...commonOptions, email: { type: 'string' } },
    allowPositionals: true,
  });
  readArguments(positionals);
  const options = readCommonOptions(values, shell);
  // A server that is not trusted is told before a password is typed.
  if (options.suite === 2) await ensurePin(options, shell);
  const email = values.email ?? (await shell.ask('E-mail address'));
  const password = await shell.askSecret('Password');
  const account = await inAnySession(options, shell, async (vws) => {
    await vws.login({ email, password });
    return askAccount(vws, { username: null, email });
  });
  await tellAccount(options, shell, account, 'Logged in');
}
