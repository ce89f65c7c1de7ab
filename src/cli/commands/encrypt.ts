// `vws encrypt`: encrypts a message for a user.
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { readText } from '../readInput.ts';
import { inStoredSession, requireSession } from '../session/open.ts';

export const command = defineClientCommand({
  name: 'encrypt',
  description:
    'Encrypts a message so that only the given user can decrypt it, and prints the ciphertext as one line of A-Za-z0-9-_',
  args: { '<username>': 'the recipient' },
  options: {
    '--file <path>': 'the message to encrypt (default: standard input)',
    '--accept-contact': 'accept that the name belongs to another user than before',
  },
  json: '{"message"}',
  notes: 'The message must be UTF-8 and is preserved exactly, including the last line break. Encode other data first.',
  examples: [
    'vws encrypt bob < note.txt > note.vws',
    `echo 'See you at eight.' | vws encrypt bob`,
    'base64 picture.png | vws encrypt bob > picture.vws',
    'vws encrypt bob --file note.txt --json',
    ['vws encrypt -- -bob-', 'a name that begins with a hyphen'],
  ],
  async run({ username, file, 'accept-contact': acceptsContact }, options, shell) {
    requireSession(options);
    const text = await readText(file, shell);
    const message = await inStoredSession(options, shell, (vws) => vws.encrypt(username, text), {
      acceptsContact,
    });
    printResult(shell, options, { message }, () => shell.print(message));
  },
});
