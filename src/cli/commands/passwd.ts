import { parseOptions, readArguments, type Shell } from '../command.ts';
import { commonOptions, commonOptionsHelp, readCommonOptions, tell } from '../commonOptions.ts';
import { askNewPassword, askUntilAccepted } from '../newPassword.ts';
import { inSession, requireSession } from '../session/open.ts';

export const help = `Usage: vws passwd [options]

Sets a new password and ends every other session of your account.

${commonOptionsHelp}

The passwords are asked for and not shown. Where the standard input is no terminal, each is a line of it, in this order:
the password as it is now, the new one.

Examples:
  vws passwd
  printf '%s\\n' "$OLD" "$NEW" | vws passwd --json     {"ok":true}`;

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({ args, options: commonOptions, allowPositionals: true });
  readArguments(positionals);
  const options = readCommonOptions(values, shell);
  requireSession(options);
  const password = await shell.askSecret('Password as it is now');
  await askUntilAccepted(
    shell,
    ['password_refused'],
    () => askNewPassword(shell, 'New password'),
    (newPassword) => inSession(options, shell, (vws) => vws.changePassword({ password, newPassword })),
  );
  tell(shell, options, { ok: true }, () => shell.note('The password is changed. Every other session has ended.'));
}
