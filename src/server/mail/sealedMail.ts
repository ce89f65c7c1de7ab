import { openAead, sealAead } from '../crypto/aead.ts';
import type { RecoveryMail } from '../store/outbox.ts';

/** What a row of the outbox holds. A decoy is never sent: it stands where no account has the address. */
export type OutboxContent = { readonly kind: 'recovery'; readonly mail: RecoveryMail } | { readonly kind: 'decoy' };

/** The longest address and name fit in, so that in practice every row has the same size. */
const PADDED_LENGTH = 1024;
const ASSOCIATED_DATA_LABEL = 'vws outbox ';

/**
 * Seals what a row holds; the database alone tells neither the address nor the code, nor a mail from a decoy.
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

/** @returns what {@link sealContent} sealed, or undefined if it was under another key, or for another row */
export function openContent(sealingKey: Uint8Array, mailId: Uint8Array, sealed: Uint8Array): OutboxContent | undefined {
  const padded = openAead(sealingKey, sealed, associatedData(mailId));
  return padded && JSON.parse(Buffer.from(padded).toString());
}

function associatedData(mailId: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(ASSOCIATED_DATA_LABEL), mailId]);
}
