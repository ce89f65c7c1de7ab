import { CommandError, parseOptions, readArguments, type Shell } from '../command.ts';
import { commonOptions, commonOptionsHelp, readCommonOptions, tell } from '../commonOptions.ts';
import { readInput } from '../readInput.ts';
import { inSession, requireSession } from '../session/open.ts';

export const help = `Usage: vws encrypt <name> [options]

Has a text encrypted for a user, who alone can have it opened again, and prints it as one line of A-Z a-z 0-9 - _

  --file <path>        the text; without it the standard input
${commonOptionsHelp}

The text is UTF-8 and is kept as it is, to the last line end. Anything else is refused: turn it into text before.

Examples:
  vws encrypt bob < note.txt > note.vws
  echo 'See you at eight.' | vws encrypt bob
  base64 picture.png | vws encrypt bob > picture.vws
  vws encrypt bob --file note.txt --json     {"message"}
  vws encrypt -- -bob-                       a name that begins with a hyphen`;

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({
    args,
    options: { ...commonOptions, file: { type: 'string' } },
    allowPositionals: true,
  });
  const [username = ''] = readArguments(positionals, 'name');
  const options = readCommonOptions(values, shell);
  requireSession(options);
  const text = decodeText(await readInput(values.file, shell, 'the text'));
  const message = await inSession(options, shell, (vws) => vws.encrypt(username, text));
  tell(shell, options, { message }, () => shell.print(message));
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CommandError('This is no text in UTF-8. Turn it into text before, for example with base64.', 'not_text');
  }
}
