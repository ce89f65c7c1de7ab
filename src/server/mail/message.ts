// Composes emails and passes them to nodemailer.
import type { SendMailOptions } from 'nodemailer';
import { isPlainAddress } from './address.ts';
import { renderEmailChangeMail } from './emailChangeTemplate.ts';
import { DeliveryError, type Mailbox, type MailMessage, type MailSettings } from './mail.ts';
import { renderNotice } from './noticeTemplate.ts';
import { renderRegistrationMail } from './registrationTemplate.ts';
import type { OutboxContent } from './sealedMail.ts';
import { type RenderedMail, renderRecoveryMail } from './template.ts';

/** The content of a row that is sent. */
export type SentContent = Exclude<OutboxContent, { readonly kind: 'decoy' }>;

/**
 * Composes an email. The same arguments give the same message and Message-ID, so that an email that was sent twice is
 * recognizable as one.
 *
 * @param mailId id of the row
 * @param createdAt time of the event that caused the email, in milliseconds since 1970
 */
export function composeMail(
  content: SentContent,
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
    to: content.mail.to,
    date: new Date(createdAt),
    ...(content.kind !== 'notice' && { code: content.mail.code }),
    ...render(content, settings, createdAt),
  };
}

function render(content: SentContent, settings: MailSettings, createdAt: number): RenderedMail {
  switch (content.kind) {
    case 'recovery':
      return renderRecoveryMail(content.mail, settings, createdAt);
    case 'email_change':
      return renderEmailChangeMail(content.mail, settings, createdAt);
    case 'registration':
      return renderRegistrationMail(content.mail, settings, createdAt);
    case 'notice':
      return renderNotice(content.mail, settings, createdAt);
  }
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
