// Prints a received message: the sender and the time to standard error, the text to standard output.
import type { DecryptedMessage } from '../../client/index.ts';
import type { Shell } from '../terminal/shell.ts';
import { senderLine } from './senderLine.ts';

export function printMessage(message: DecryptedMessage, shell: Shell): void {
  warnOfChangedContact(message, shell);
  if (message.sentAt) shell.note(senderLine(message, message.sentAt));
  shell.write(message.text);
}

export function warnOfChangedContact({ contactChanged }: Pick<DecryptedMessage, 'contactChanged'>, shell: Shell): void {
  if (contactChanged) shell.note('WARNING: the sender is not the user who had this name in earlier messages.');
}
