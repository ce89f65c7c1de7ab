// `vws decrypt`: decrypts a message.
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { CommandError } from '../errors.ts';
import { readInput } from '../readInput.ts';
import { inStoredSession, requireSession } from '../session/open.ts';
import { formatTime } from './formatTime.ts';

export const command = defineClientCommand({
  name: 'decrypt',
  description:
    'Decrypts a message that was encrypted for you and prints the text unchanged. On a terminal, control characters are ' +
    'escaped, as \\x1b. The sender and the time are written to standard error.',
  args: { '[file]': 'the message (default, or with -: standard input). Whitespace in it is ignored' },
  json: '{"text","sender","sentAt"}; sender and sentAt are null if they are unknown',
  examples: ['vws decrypt note.vws', 'vws decrypt < note.vws > note.txt', 'vws decrypt note.vws --json'],
  async run({ file }, options, shell) {
    requireSession(options);
    const bytes = await readInput(file, shell, 'the message');
    const message = new TextDecoder().decode(bytes).replace(/\s+/g, '');
    if (message === '') throw new CommandError('The input is empty: no message to decrypt.', 'undecryptable_message');
    const { text, sender, sentAt } = await inStoredSession(options, shell, (vws) => vws.decrypt(message));
    printResult(shell, options, { text, sender, sentAt }, () => {
      if (sentAt) shell.note(`From ${sender ?? 'a deleted user'}, ${formatTime(sentAt)} UTC:`);
      shell.write(text);
    });
  },
});
