// Prints a received message: the sender and the time to standard error, the text to standard output.
import type { DecryptedMessage } from '../../client/index.ts';
import type { Shell } from '../terminal/shell.ts';
import { formatTime } from './formatTime.ts';

export function printMessage(message: DecryptedMessage, shell: Shell): void {
  warnOfChangedContact(message, shell);
  if (message.sentAt) shell.note(`From ${describeSender(message)}, ${formatTime(message.sentAt)} UTC:`);
  shell.write(message.text);
}

export function warnOfChangedContact({ contactChanged }: Pick<DecryptedMessage, 'contactChanged'>, shell: Shell): void {
  if (contactChanged) shell.note('WARNING: the sender is not the user who had this name in earlier messages.');
}

/** Returns the name at the time of sending and, if it differs, the current one. */
export function describeSender({ sender, senderNow }: Pick<DecryptedMessage, 'sender' | 'senderNow'>): string {
  if (sender === null) return 'a deleted user';
  return senderNow === null || senderNow === sender ? sender : `${sender} (now ${senderNow})`;
}
