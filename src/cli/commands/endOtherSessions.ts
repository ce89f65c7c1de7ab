import { parseOptions, readArguments, type Shell } from '../command.ts';
import { commonOptions, commonOptionsHelp, readCommonOptions, tell } from '../commonOptions.ts';
import { inSession } from '../session/open.ts';

export const help = `Usage: vws sessions end-others [options]

Ends every session of your account but the one of this command.

${commonOptionsHelp}

Examples:
  vws sessions end-others
  vws sessions end-others --json     {"ok":true}`;

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({ args, options: commonOptions, allowPositionals: true });
  readArguments(positionals);
  const options = readCommonOptions(values, shell);
  await inSession(options, shell, (vws) => vws.endOtherSessions());
  tell(shell, options, { ok: true }, () => shell.note('Every other session has ended.'));
}
