import { CommandError, parseOptions, readArguments, type Shell } from '../command.ts';
import { commonOptions, commonOptionsHelp, readCommonOptions, tell } from '../commonOptions.ts';
import { readInput } from '../readInput.ts';
import { inSession, requireSession } from '../session/open.ts';

export const help = `Usage: vws decrypt [file] [options]

Has a message opened that was encrypted for you. The text goes to the standard output exactly as it was; on a terminal,
characters that would control it are shown as \\x1b. Who had it encrypted, and when, is said on the standard error.

  [file]               the message; without it, or with -, the standard input
${commonOptionsHelp}

Line breaks and spaces in the message do not matter.

Examples:
  vws decrypt note.vws
  vws decrypt < note.vws > note.txt
  vws decrypt note.vws --json     {"text","sender","sentAt"}; the last two are null if they are not known`;

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({ args, options: commonOptions, allowPositionals: true });
  const [file] = readArguments(positionals, '[file]');
  const options = readCommonOptions(values, shell);
  requireSession(options);
  const bytes = await readInput(file, shell, 'the message');
  const message = new TextDecoder().decode(bytes).replace(/\s+/g, '');
  if (message === '') throw new CommandError('There is no message: the input is empty.', 'undecryptable_message');
  const { text, sender, sentAt } = await inSession(options, shell, (vws) => vws.decrypt(message));
  tell(shell, options, { text, sender, sentAt }, () => {
    if (sentAt) shell.note(`From ${sender ?? 'a user who is gone'}, ${formatTime(sentAt)}:`);
    shell.write(text);
  });
}

function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
