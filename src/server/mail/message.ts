import type { SendMailOptions } from 'nodemailer';
import type { RecoveryMail } from '../store/outbox.ts';
import { isPlainAddress } from './address.ts';
import { DeliveryError, type Mailbox, type MailMessage, type MailSettings } from './mail.ts';
import { renderRecoveryMail } from './template.ts';

/**
 * Makes the mail that goes out. The same arguments give the same message, its Message-ID too, so that a mail that had
 * to be sent again is the same mail for whoever receives both.
 *
 * @param mailId the row's id
 * @param createdAt when the mail was asked for, in milliseconds since 1970
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
 * The message as nodemailer takes it, everything that it could read as more than one value taken apart.
 *
 * @throws DeliveryError (permanent) if the recipient is not one plain address
 */
export function nodemailerOptions(message: MailMessage): SendMailOptions {
  const { messageId, from, to, date, subject, text, html } = message;
  // Where it is not, nodemailer would mend it: into an address that nobody meant.
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
    // RFC 3834: keeps absence notes and other automatic answers from coming back.
    headers: { 'Auto-Submitted': 'auto-generated' },
    xMailer: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
