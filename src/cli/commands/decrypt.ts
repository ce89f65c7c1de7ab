// `vws decrypt`: decrypts a message.
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { readCiphertext } from '../readInput.ts';
import { inStoredSession, requireSession } from '../session/open.ts';
import { printMessage } from './printMessage.ts';

export const command = defineClientCommand({
  name: 'decrypt',
  description:
    'Decrypts a message that was encrypted for you and prints the text unchanged. On a terminal, the text is indented, and ' +
    'control and format characters are escaped, as \\x1b. The sender and the time are written to standard error.',
  args: { '[file]': 'the message (default, or with -: standard input). Whitespace in it is ignored' },
  json: '{"text","sender","senderNow","senderId","sentAt","contactChanged"}; unknown values are null',
  notes:
    'The sender is shown with the name at the time of sending and, if it differs, the current one, in quotation marks; such marks ' +
    'in a name are escaped. If a name belongs to another ' +
    'user than in earlier messages, a warning is shown.',
  examples: ['vws decrypt note.vws', 'vws decrypt < note.vws > note.txt', 'vws decrypt note.vws --json'],
  async run({ file }, options, shell) {
    requireSession(options);
    const message = await readCiphertext(file, shell, 'the message');
    const result = await inStoredSession(options, shell, (vws) => vws.decrypt(message));
    printResult(shell, options, result, () => printMessage(result, shell));
  },
});
