// The recovery email, and what all emails have in common.
import type { CodeMail } from '../store/outbox.ts';
import { type MailWords, mailHtml } from './html.ts';
import type { MailSettings } from './mail.ts';

/** Settings that appear in emails. */
export type MailNames = Pick<MailSettings, 'senderName' | 'subject'>;

export interface RenderedMail {
  readonly subject: string;
  /** Contains a code, if there is one, on a line of its own, and no other line of six capital letters and digits. */
  readonly text: string;
  readonly html: string;
}

/**
 * Renders the recovery email.
 *
 * @param askedAt time of the request, in milliseconds since 1970
 */
export function renderRecoveryMail({ code, expiresAt }: CodeMail, settings: MailNames, askedAt: number): RenderedMail {
  const service = oneLine(settings.senderName);
  return renderMail(oneLine(settings.subject), {
    language: 'en',
    service,
    heading: 'Set a new password',
    paragraphs: [
      'Hello,',
      `We received a request to set a new password for your ${service} account. To continue, enter this code:`,
    ],
    code: { text: code, validity: codeValidity(expiresAt, askedAt) },
    remarks: [
      { heading: 'Keep it to yourself', text: 'We will never ask you for this code.' },
      {
        heading: 'Was this not you?',
        text: 'Ignore this email. Your password does not change, and the code expires.',
      },
    ],
  });
}

/** @param subject one line */
export function renderMail(subject: string, words: MailWords): RenderedMail {
  const { paragraphs, code, remarks } = words;
  const closing = remarks.map(({ heading, text }) => `${heading}${/\p{P}$/u.test(heading) ? '' : '.'} ${text}`);
  const parts = [...paragraphs, ...(code ? [code.text, code.validity] : []), ...closing];
  return { subject, text: `${parts.join('\n\n')}\n`, html: mailHtml(words, subject) };
}

/** Returns the sentence about the time limit of a code. */
export function codeValidity(expiresAt: number, askedAt: number): string {
  return `It works once, within ${minutesText(expiresAt - askedAt)}: until ${timeText(expiresAt)}.`;
}

/** Removes line breaks and direction marks, so that a setting cannot add a line or reverse one. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cs}\p{Bidi_Control}]+/gu, ' ').trim();
}

/** Formats a time in UTC, because the reader's time zone is unknown. */
export function timeText(time: number): string {
  const utc = { timeZone: 'UTC' };
  const clock = new Date(time).toLocaleTimeString('en-GB', { ...utc, hour: '2-digit', minute: '2-digit' });
  const day = new Date(time).toLocaleDateString('en-GB', { ...utc, day: 'numeric', month: 'long', year: 'numeric' });
  return `${clock} UTC on ${day}`;
}

function minutesText(milliseconds: number): string {
  const minutes = Math.max(1, Math.round(milliseconds / 60_000));
  return minutes === 1 ? '1 minute' : `${minutes} minutes`;
}
