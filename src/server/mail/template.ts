import type { RecoveryMail } from '../store/outbox.ts';
import { type CodeMailWords, codeMailHtml } from './html.ts';
import type { MailSettings } from './mail.ts';

interface RenderedMail {
  readonly subject: string;
  /** Has the code on a line of its own, and no other line of six capital letters and digits. */
  readonly text: string;
  readonly html: string;
}

/** @param askedAt when the code was asked for, in milliseconds since 1970 */
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
      `Somebody asked to set a new password for your ${service} account. If that was you, enter this code where you asked for it:`,
    ],
    code,
    belowCode: `It works once, within ${minutesText(expiresAt - askedAt)}: until ${timeText(expiresAt)}.`,
    afterCode: [
      { heading: 'Keep it to yourself', text: 'Nobody who runs this service will ever ask you for the code.' },
      {
        heading: 'It was not you?',
        text: 'Then do nothing. Your password stays as it is, and the code runs out.',
      },
    ],
  };
  return { subject, text: codeMailText(words), html: codeMailHtml(words, subject) };
}

function codeMailText({ beforeCode, code, belowCode, afterCode }: CodeMailWords): string {
  const remarks = afterCode.map(({ heading, text }) => `${heading}${/\p{P}$/u.test(heading) ? '' : '.'} ${text}`);
  return `${[...beforeCode, code, belowCode, ...remarks].join('\n\n')}\n`;
}

/** Without line breaks and marks of direction: a name must not be able to add a line, or to turn one around. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cs}\p{Bidi_Control}]+/gu, ' ').trim();
}

/** Anybody can choose a name and give somebody else's address: mail readers must not make a link of the name. */
function withoutLinks(name: string): string {
  const ZERO_WIDTH_NON_JOINER = '\u200c';
  return name.replace(/[.:/@]/g, `$&${ZERO_WIDTH_NON_JOINER}`);
}

/** The reader's time zone is not known, hence UTC and its name. */
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
