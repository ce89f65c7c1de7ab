// Creates the outbox of a server, with the transport of its settings.
import { randomInt } from 'node:crypto';
import { LocalMailbox } from './localMailbox.ts';
import { Outbox, type OutboxOptions } from './outbox.ts';
import { type SmtpSettings, SmtpTransport } from './smtp.ts';

/**
 * An email is created and sent some time after the response, so that a following request does not take longer for an
 * address that has an account.
 */
const MIN_MAIL_DELAY_MS = 200;
const MAIL_DELAY_SPREAD_MS = 800;

interface TransportSettings {
  readonly smtp?: SmtpSettings | undefined;
  /** For emails if `smtp` is not set. */
  readonly mailboxFolder: string;
}

/** Sends through SMTP if it is configured, otherwise into the local mailbox. */
export function createOutbox(
  { smtp, mailboxFolder }: TransportSettings,
  options: Omit<OutboxOptions, 'transport' | 'firstAttemptDelay'>,
): Outbox {
  return new Outbox({
    ...options,
    transport: smtp ? new SmtpTransport(smtp, options.log) : new LocalMailbox(mailboxFolder, options.log),
    firstAttemptDelay: () => MIN_MAIL_DELAY_MS + randomInt(MAIL_DELAY_SPREAD_MS),
  });
}
