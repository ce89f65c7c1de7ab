// `vws open`: opens a token message, or decrypts a message.
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { UsageError } from '../errors.ts';
import { readCiphertext } from '../readInput.ts';
import { inStoredSession, requireSession } from '../session/open.ts';
import { printMessage } from './printMessage.ts';

export const command = defineClientCommand({
  name: 'open',
  description:
    'Opens the message of a token, which counts, and prints the text unchanged. If the input is a message of vws encrypt, it ' +
    'is decrypted as by vws decrypt. On a terminal, the text is indented, and control and format characters are escaped, as ' +
    '\\x1b. The sender and the time are written to standard error.',
  args: { '[file]': 'the token or the message (default, or with -: standard input). Whitespace in it is ignored' },
  options: {
    '--finish': 'afterwards, end the message, so that it can no longer be opened, and have the server erase it',
  },
  json: '{"text","sender","senderNow","senderId","sentAt","contactChanged"}; for a token also "expiresAt","opens","maxOpens"',
  notes: 'A repeated command after a lost response prints the text and is counted once.',
  examples: ['vws open token', 'vws open < token > note.txt', ['vws open token --finish', 'erase it after reading']],
  async run({ file, finish }, options, shell) {
    requireSession(options);
    const { parsePayload } = await import('../../client/payload.ts');
    const payload = parsePayload(await readCiphertext(file, shell, 'the token or the message'));
    if (finish && payload.kind === 'message') throw new UsageError('--finish is only for tokens.');
    await inStoredSession(options, shell, async (vws) => {
      const result = payload.kind === 'token' ? await vws.open(payload.token) : await vws.decrypt(payload.message);
      // The text is printed first: the message may not open again.
      printResult(shell, options, result, () => printMessage(result, shell));
      if (finish && payload.kind === 'token') await vws.finish(payload.token);
    });
  },
});
