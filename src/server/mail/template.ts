// The texts of the recovery email.
import type { RecoveryMail } from '../store/outbox.ts';
import { type CodeMailWords, codeMailHtml } from './html.ts';
import type { MailSettings } from './mail.ts';

interface RenderedMail {
  readonly subject: string;
  /** Contains the code on a line of its own, and no other line of six capital letters and digits. */
  readonly text: string;
  readonly html: string;
}

/**
 * Renders the recovery email.
 *
 * @param askedAt time of the request, in milliseconds since 1970
 */
export function renderRecoveryMail(
  { username, code, expiresAt }: RecoveryMail,
  settings: Pick<MailSettings, 'senderName' | 'subject'>,
  askedAt: number,
): RenderedMail {
  const service = oneLine(settings.senderName);
  const subject = oneLine(settings.subject);
  const words: CodeMailWords = {
    language: 'en',
    service,
    heading: 'Set a new password',
    beforeCode: [
      `Hello ${withoutLinks(oneLine(username))},`,
      `We received a request to set a new password for your ${service} account. To continue, enter this code:`,
    ],
    code,
    belowCode: `It works once, within ${minutesText(expiresAt - askedAt)}: until ${timeText(expiresAt)}.`,
    afterCode: [
      { heading: 'Keep it to yourself', text: 'We will never ask you for this code.' },
      {
        heading: 'Was this not you?',
        text: 'Ignore this email. Your password does not change, and the code expires.',
      },
    ],
  };
  return { subject, text: codeMailText(words), html: codeMailHtml(words, subject) };
}

function codeMailText({ beforeCode, code, belowCode, afterCode }: CodeMailWords): string {
  const remarks = afterCode.map(({ heading, text }) => `${heading}${/\p{P}$/u.test(heading) ? '' : '.'} ${text}`);
  return `${[...beforeCode, code, belowCode, ...remarks].join('\n\n')}\n`;
}

/** Removes line breaks and direction marks, so that a name cannot add a line or reverse one. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cs}\p{Bidi_Control}]+/gu, ' ').trim();
}

/** Prevents mail readers from linking a name, because an attacker can register any name with another user's address. */
function withoutLinks(name: string): string {
  const ZERO_WIDTH_NON_JOINER = '\u200c';
  return name.replace(/[.:/@]/g, `$&${ZERO_WIDTH_NON_JOINER}`);
}

/** Formats a time in UTC, because the reader's time zone is unknown. */
function timeText(time: number): string {
  const utc = { timeZone: 'UTC' };
  const clock = new Date(time).toLocaleTimeString('en-GB', { ...utc, hour: '2-digit', minute: '2-digit' });
  const day = new Date(time).toLocaleDateString('en-GB', { ...utc, day: 'numeric', month: 'long', year: 'numeric' });
  return `${clock} UTC on ${day}`;
}

function minutesText(milliseconds: number): string {
  const minutes = Math.max(1, Math.round(milliseconds / 60_000));
  return minutes === 1 ? '1 minute' : `${minutes} minutes`;
}
