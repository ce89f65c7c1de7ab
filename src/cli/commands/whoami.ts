import { parseOptions, readArguments, type Shell } from '../command.ts';
import { commonOptions, commonOptionsHelp, readCommonOptions, tell } from '../commonOptions.ts';
import { inSession } from '../session/open.ts';

export const help = `Usage: vws whoami [options]

Tells which account you are logged in to, and where.

${commonOptionsHelp}

Examples:
  vws whoami
  vws whoami --json     {"username","email","server","fingerprint"}; the fingerprint is null in suite 1`;

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({ args, options: commonOptions, allowPositionals: true });
  readArguments(positionals);
  const options = readCommonOptions(values, shell);
  await inSession(options, shell, async (vws) => {
    const { username, email } = await vws.getAccount();
    const fingerprint = vws.fingerprint || null;
    tell(shell, options, { username, email, server: options.url, fingerprint }, () => {
      shell.print(`name         ${username}`);
      shell.print(`e-mail       ${email}`);
      shell.print(`server       ${options.url}`);
      if (fingerprint) shell.print(`fingerprint  ${fingerprint}`);
    });
  });
}
