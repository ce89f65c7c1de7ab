import { parseOptions, readArguments, type Shell } from '../command.ts';
import { commonOptions, commonOptionsHelp, readCommonOptions, tell } from '../commonOptions.ts';
import { inSession } from '../session/open.ts';
import { findOtherSession } from './sessions.ts';

export const help = `Usage: vws sessions end <id> [options]

Ends one of the other sessions of your account. Your own ends with vws logout.

  <id>                 as vws sessions lists it, or its beginning
${commonOptionsHelp}

Examples:
  vws sessions end He9ZMSMEFv
  vws sessions end --json He9ZMSMEFv     {"ended"}, with the whole id
  vws sessions end --json -- -e9ZMSMEFv  an id that begins with a hyphen: options come before --`;

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({ args, options: commonOptions, allowPositionals: true });
  const [prefix = ''] = readArguments(positionals, 'id');
  const options = readCommonOptions(values, shell);
  const ended = await inSession(options, shell, async (vws) => {
    const { id } = await findOtherSession(vws, prefix);
    await vws.endSession(id);
    return id;
  });
  tell(shell, options, { ended }, () => shell.note('The session has ended.'));
}
