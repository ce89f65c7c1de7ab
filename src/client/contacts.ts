// Contacts: which user a name belongs to, trusted on first use.
import { VwsError } from './error.ts';
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
