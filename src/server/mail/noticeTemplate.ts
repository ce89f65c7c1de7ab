// Emails that report an event in an account to its user.
import type { NoticeKind, NoticeMail } from '../store/outbox.ts';
import { type MailNames, oneLine, type RenderedMail, renderMail, timeText } from './template.ts';

interface NoticeTexts {
  readonly heading: string;
  readonly event: string;
  /** Advice for the case that the user did not cause the event. */
  readonly advice: string;
}

const RECOVER = 'Set a new password with the recovery of your account now. That also ends all sessions.';
const CHANGE_PASSWORD = 'Change your password now. That also ends all other sessions.';

/** The texts of each notice, given the name of the service and the formatted time of the event. */
const NOTICES: Readonly<Record<NoticeKind, (service: string, at: string, network?: string) => NoticeTexts>> = {
  password_changed: (service, at) => ({
    heading: 'Your password was changed',
    event: `The password of your ${service} account was changed at ${at}. All other sessions were ended.`,
    advice: RECOVER,
  }),
  password_recovered: (service, at) => ({
    heading: 'Your account was recovered',
    event: `A new password was set for your ${service} account with a code from this mailbox, at ${at}. All other sessions were ended.`,
    advice: `Someone else can read this mailbox. Secure it first. ${RECOVER}`,
  }),
  account_locked: (service, at) => ({
    heading: 'Your account is locked',
    event: `Your ${service} account was locked at ${at}, after too many incorrect passwords. The lock ends after some minutes, or when you set a new password with the recovery of your account.`,
    advice: 'Someone else tried to guess your password, without success. You need not do anything.',
  }),
  already_registered: (service, at) => ({
    heading: 'You already have an account',
    event: `At ${at}, someone asked to create a ${service} account with this email address. You already have one. Log in to it, or set a new password with the recovery of your account.`,
    advice: 'Ignore this email. Your account did not change.',
  }),
  email_changed: (service, at) => ({
    heading: 'Your email address was changed',
    event: `Your ${service} account uses another email address since ${at}. Logins and the recovery of the account use the new address. This is the last mail to this address.`,
    advice: 'Someone else has your password. Contact the operator of the service.',
  }),
  login: (service, at, network) => ({
    heading: 'New login',
    event: `Someone logged in to your ${service} account at ${at}${network ? `, from the network ${network}` : ''}.`,
    advice: CHANGE_PASSWORD,
  }),
  new_device: (service, at, network) => ({
    heading: 'Login from a new device',
    event: `Someone logged in to your ${service} account from a new device at ${at}${network ? `, from the network ${network}` : ''}.`,
    advice: CHANGE_PASSWORD,
  }),
  logins_unreported: (service, at) => ({
    heading: 'Many logins',
    event: `There were many logins to your ${service} account until ${at}. Further logins of this day (UTC) are not reported.`,
    advice: CHANGE_PASSWORD,
  }),
  changes_unreported: (service, at) => ({
    heading: 'Many changes of your account',
    event: `The password or the email address of ${service} accounts with this mailbox was changed many times until ${at}. Further changes of this kind and day (UTC) are not reported.`,
    advice: RECOVER,
  }),
};

/**
 * Renders a notice. It has no link and no text that a user chose.
 *
 * @param happenedAt milliseconds since 1970
 */
export function renderNotice({ notice, network }: NoticeMail, settings: MailNames, happenedAt: number): RenderedMail {
  const service = oneLine(settings.senderName);
  const { heading, event, advice } = NOTICES[notice](service, timeText(happenedAt), network);
  return renderMail(`${service}: ${heading.toLowerCase()}`, {
    language: 'en',
    service,
    heading,
    paragraphs: ['Hello,', event],
    remarks: [{ heading: 'Was this not you?', text: advice }],
  });
}
