import { parseOptions, readArguments, type Shell } from '../command.ts';
import { commonOptions, commonOptionsHelp, readCommonOptions, tell } from '../commonOptions.ts';
import { askAccount } from '../session/account.ts';
import { inSession, requireSession } from '../session/open.ts';

export const help = `Usage: vws rename <name> [options]

Gives your account a new name. Messages that were made for the old name can still be opened.

${commonOptionsHelp}

The password is asked for and not shown. Where the standard input is no terminal, it is the first line of it.

Examples:
  vws rename robert
  vws rename robert --json < password-file     {"username"}`;

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({ args, options: commonOptions, allowPositionals: true });
  const [newUsername = ''] = readArguments(positionals, 'name');
  const options = readCommonOptions(values, shell);
  requireSession(options);
  const password = await shell.askSecret('Password');
  const { username } = await inSession(options, shell, async (vws) => {
    await vws.changeUsername({ newUsername, password });
    return askAccount(vws, { username: newUsername, email: '' });
  });
  tell(shell, options, { username }, () => shell.note(`Your name is ${username} from now on.`));
}
