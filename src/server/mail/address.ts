// Mail addresses: plain ones, and the sender in the settings.
import addressparser from 'nodemailer/lib/addressparser';
import type { Mailbox, MailSettings } from './mail.ts';

/**
 * Excludes the specials of RFC 5322 (3.2.3), spaces and control characters, which could end the address or begin
 * another.
 */
const PLAIN_ADDRESS = /^[^\s\p{C}()<>[\]:;@\\,"]+@[^\s\p{C}()<>[\]:;@\\,"]+$/u;
const LINE_BREAKING = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** Reports whether the text is one bare address, of any script, without quoting. */
export function isPlainAddress(address: string): boolean {
  return PLAIN_ADDRESS.test(address);
}

/**
 * Parses the sender in the settings.
 *
 * @throws Error if the sender is not exactly one address, or a name has line breaks or other control characters
 */
export function parseSender({ sender, senderName }: Pick<MailSettings, 'sender' | 'senderName'>): Mailbox {
  const [mailbox, ...others] = addressparser(sender, { flatten: true });
  if (!mailbox || others.length > 0 || LINE_BREAKING.test(sender) || !isPlainAddress(mailbox.address)) {
    throw new Error('The mail sender must be one address, as in addr@example.org or Name <addr@example.org>.');
  }
  if (LINE_BREAKING.test(senderName)) throw new Error('The mail sender name must be one line.');
  return { name: mailbox.name || senderName, address: mailbox.address };
}
