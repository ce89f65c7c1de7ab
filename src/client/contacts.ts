// Contacts: which user a name belongs to, trusted on first use.
import { VwsError } from './error.ts';
import { type Fields, textOrNull } from './fields.ts';
import type { ContactStorage } from './options.ts';

/**
 * Compares the user behind a name with the stored one, and stores the user of a new name.
 *
 * @returns false if the name is known as that of another user
 * @throws {VwsError} `storage_failed`
 */
export async function isSameContact(
  contacts: ContactStorage | undefined,
  name: unknown,
  id: unknown,
): Promise<boolean> {
  if (!contacts || typeof name !== 'string' || typeof id !== 'string') return true;
  const key = name.trim().normalize('NFKC').toLowerCase();
  try {
    const known = await contacts.get(key);
    if (!known) await contacts.set(key, id);
    return !known || known === id;
  } catch (cause) {
    throw new VwsError('storage_failed', 'The contacts could not be loaded or saved.', { cause });
  }
}

export function contactChanged(): VwsError {
  return new VwsError('contact_changed', 'The name belongs to another user than before.');
}

/** The sender of a message. */
export interface Sender {
  /** The username of the sender when the message was sent; null if the sender no longer exists, and in suite 1. */
  readonly sender: string | null;
  /** The current username of the sender; null if it is unknown, if the sender no longer exists, and in suite 1. */
  readonly senderNow: string | null;
  /** The id of the sender, which never changes; null if it is unknown, and in suite 1. */
  readonly senderId: string | null;
  /** True if the contacts know a name of the sender as that of another user. */
  readonly contactChanged: boolean;
}

/**
 * Reads the sender from the fields of a response.
 *
 * @throws {VwsError} `storage_failed`
 */
export async function senderOf(contacts: ContactStorage | undefined, fields: Fields): Promise<Sender> {
  const { sender, sender_now: senderNow, sender_id: senderId } = fields;
  const isSame = await isSameContact(contacts, sender, senderId);
  const isSameNow = await isSameContact(contacts, senderNow, senderId);
  return {
    sender: textOrNull(sender),
    senderNow: textOrNull(senderNow),
    senderId: textOrNull(senderId),
    contactChanged: !(isSame && isSameNow),
  };
}
