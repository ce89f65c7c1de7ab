// Composes mails and passes them to nodemailer.
import type { SendMailOptions } from 'nodemailer';
import type { RecoveryMail } from '../store/outbox.ts';
import { isPlainAddress } from './address.ts';
import { DeliveryError, type Mailbox, type MailMessage, type MailSettings } from './mail.ts';
import { renderRecoveryMail } from './template.ts';

/**
 * Composes a recovery mail. The same arguments give the same message and Message-ID, so that a mail that was sent twice
 * is recognizable as one.
 *
 * @param mailId id of the row
 * @param createdAt time of the request, in milliseconds since 1970
 */
export function composeRecoveryMail(
  mail: RecoveryMail,
  settings: MailSettings,
  sender: Mailbox,
  mailId: Uint8Array,
  createdAt: number,
): MailMessage {
  const id = Buffer.from(mailId).toString('hex');
  const senderDomain = sender.address.slice(sender.address.lastIndexOf('@') + 1);
  return {
    id,
    messageId: `<${id}@${senderDomain}>`,
    from: sender,
    to: mail.to,
    date: new Date(createdAt),
    code: mail.code,
    ...renderRecoveryMail(mail, settings, createdAt),
  };
}

/**
 * Converts a message for nodemailer, with every field that nodemailer would parse already split.
 *
 * @throws DeliveryError (permanent) if the recipient is not one plain address
 */
export function nodemailerOptions(message: MailMessage): SendMailOptions {
  const { messageId, from, to, date, subject, text, html } = message;
  // Nodemailer would repair it into another address.
  if (!isPlainAddress(to)) throw new DeliveryError('not a plain address', true);
  return {
    messageId,
    from,
    to: { name: '', address: to },
    envelope: { from: from.address, to: [to] },
    date,
    subject,
    text,
    html,
    // RFC 3834: prevents absence notes and other automatic replies.
    headers: { 'Auto-Submitted': 'auto-generated' },
    xMailer: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
