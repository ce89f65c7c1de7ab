// Encryption of outbox rows.
import { openAead, sealAead } from '../crypto/aead.ts';
import type { CodeMail, NoticeMail } from '../store/outbox.ts';

/**
 * Content of an outbox row. A decoy stands for an email that is not sent, such as one to an address
 * without an account.
 */
export type OutboxContent =
  | { readonly kind: 'recovery' | 'email_change' | 'registration'; readonly mail: CodeMail }
  | { readonly kind: 'notice'; readonly mail: NoticeMail }
  | { readonly kind: 'decoy' };

/** Fits the longest address, so that in practice every row has the same size. */
const PADDED_LENGTH = 1024;
const ASSOCIATED_DATA_LABEL = 'vws outbox ';

/**
 * Encrypts the content of a row. The database alone reveals neither address nor code, nor whether the email is a decoy.
 *
 * ```
 * sealAead(sealingKey, UTF-8 JSON ‖ spaces up to a multiple of 1024 bytes, "vws outbox " ‖ mail_id)
 * ```
 */
export function sealContent(
  sealingKey: Uint8Array,
  mailId: Uint8Array,
  content: OutboxContent,
): Uint8Array<ArrayBuffer> {
  const json = Buffer.from(JSON.stringify(content));
  const padded = Buffer.alloc(Math.ceil(json.length / PADDED_LENGTH) * PADDED_LENGTH, ' ');
  json.copy(padded);
  return sealAead(sealingKey, padded, associatedData(mailId));
}

/**
 * Decrypts the result of {@link sealContent}.
 *
 * @returns undefined if it was encrypted under another key or for another row
 */
export function openContent(sealingKey: Uint8Array, mailId: Uint8Array, sealed: Uint8Array): OutboxContent | undefined {
  const padded = openAead(sealingKey, sealed, associatedData(mailId));
  return padded && JSON.parse(Buffer.from(padded).toString());
}

function associatedData(mailId: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(ASSOCIATED_DATA_LABEL), mailId]);
}
