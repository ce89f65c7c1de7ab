// The email that confirms the address of a registration.
import type { CodeMail } from '../store/outbox.ts';
import { codeValidity, type MailNames, oneLine, type RenderedMail, renderMail } from './template.ts';

/**
 * Renders the email to an address without an account. It contains no text that the sender of the request chose.
 *
 * @param askedAt time of the request, in milliseconds since 1970
 */
export function renderRegistrationMail(
  { code, expiresAt }: CodeMail,
  settings: MailNames,
  askedAt: number,
): RenderedMail {
  const service = oneLine(settings.senderName);
  return renderMail(`${service}: confirm your registration`, {
    language: 'en',
    service,
    heading: 'Confirm your registration',
    paragraphs: ['Hello,', `We received a request to create a ${service} account. To create it, enter this code:`],
    code: { text: code, validity: codeValidity(expiresAt, askedAt) },
    remarks: [
      { heading: 'Keep it to yourself', text: 'We will never ask you for this code.' },
      { heading: 'Was this not you?', text: 'Ignore this email. No account is created, and the code expires.' },
    ],
  });
}
