import { parseOptions, readArguments, type Shell, UsageError } from '../command.ts';
import { commonOptions, commonOptionsHelp, readCommonOptions, tell } from '../commonOptions.ts';
import { askFingerprint, identityChanged } from '../session/pin.ts';

export const help = `Usage: vws fingerprint [url] [options]

Asks a server for its fingerprint, prints it, and says whether it is the one that is known here. Nothing is changed. The
operator compares it with what npm start says, users with what the operator tells them by another way.

  [url]                the server, in place of --server
${commonOptionsHelp}

Examples:
  vws fingerprint https://vws.example.org
  vws login --server https://vws.example.org --pin 02Ygnc7J-_QFicP0Mr3I9XROhhgJ4axEBwaePggTPhg
  vws fingerprint --json     {"server","fingerprint","known"}; known is null if none is known yet`;

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({ args, options: commonOptions, allowPositionals: true });
  const [url] = readArguments(positionals, '[url]');
  if (url !== undefined && values.server !== undefined) throw new UsageError('Give [url] or --server, not both.');
  if (values.suite1) throw new UsageError('In suite 1 a server has no fingerprint.');
  const options = readCommonOptions({ ...values, server: url ?? values.server }, shell);
  const fingerprint = await askFingerprint(options, shell);
  const known = options.pin ?? options.kept.readPin() ?? null;
  if (known !== null && known !== fingerprint) {
    const from = options.pin === undefined ? 'kept' : 'pin';
    throw identityChanged(options.url, { fingerprint: known, from }, fingerprint);
  }
  tell(shell, options, { server: options.url, fingerprint, known }, () => {
    shell.print(fingerprint);
    shell.note(
      known === null ? `${options.url} is not known here yet.` : `It is the one that is known of ${options.url}`,
    );
  });
}
