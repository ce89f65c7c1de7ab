// The email that confirms a new email address.
import type { CodeMail } from '../store/outbox.ts';
import { codeValidity, type MailNames, oneLine, type RenderedMail, renderMail } from './template.ts';

/**
 * Renders the email to the new address.
 *
 * @param askedAt time of the request, in milliseconds since 1970
 */
export function renderEmailChangeMail(
  { code, expiresAt }: CodeMail,
  settings: MailNames,
  askedAt: number,
): RenderedMail {
  const service = oneLine(settings.senderName);
  return renderMail(`${service}: confirm your email address`, {
    language: 'en',
    service,
    heading: 'Confirm your email address',
    paragraphs: ['Hello,', `A ${service} account is to use this email address. To confirm it, enter this code:`],
    code: { text: code, validity: codeValidity(expiresAt, askedAt) },
    remarks: [
      { heading: 'Keep it to yourself', text: 'We will never ask you for this code.' },
      { heading: 'Was this not you?', text: 'Ignore this mail. Nothing changes, and the code expires.' },
    ],
  });
}
