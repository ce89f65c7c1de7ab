import { VwsError } from '../../client/error.ts';
import { parseOptions, readArguments, type Shell } from '../command.ts';
import { commonOptions, commonOptionsHelp, readCommonOptions, tell } from '../commonOptions.ts';
import { inSession } from '../session/open.ts';

export const help = `Usage: vws logout [options]

Logs out and forgets the session. The server's fingerprint stays known.

${commonOptionsHelp}

Examples:
  vws logout
  vws logout --server https://vws.example.org --json     {"ok":true}`;

/** The session is of no more use to anybody: that is what was asked for. */
const ENDED = ['not_authenticated', 'session_not_found', 'session_expired', 'out_of_sync'];

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({ args, options: commonOptions, allowPositionals: true });
  readArguments(positionals);
  const options = readCommonOptions(values, shell);
  const session = options.kept.session(options.suite);
  try {
    await inSession(options, shell, async (vws) => {
      await vws.logOut();
      session.clear();
    });
  } catch (error) {
    if (!(error instanceof VwsError)) throw error;
    if (ENDED.includes(error.code)) shell.note(`The server says that the session has ended already: ${error.code}.`);
    else if (error.code === 'route_not_found' && options.suite === 1)
      shell.note(
        'This server cannot log out: the session is forgotten here, and ends there once it was idle for long.',
      );
    else throw error;
    await options.kept.withLock(async () => session.clear());
  }
  tell(shell, options, { ok: true }, () => shell.note(`Logged out at ${options.url}`));
}
