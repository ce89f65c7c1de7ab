// Outbox: emails are rows, written in the transaction that causes them and sent later.
import { randomBytes } from 'node:crypto';
import { type CodeMail, insertOutboxRow, type NoticeMail, type OutboxRow } from '../store/outbox.ts';
import type { Store, Transaction } from '../store/store.ts';
import { parseSender } from './address.ts';
import {
  DeliveryError,
  type Mailbox,
  type MailLog,
  type MailMessage,
  type MailSettings,
  type MailTransport,
} from './mail.ts';
import { composeMail } from './message.ts';
import { OutboxWorker, type StartTimer, startRealTimer } from './outboxWorker.ts';
import { retryDelayMs } from './retryDelay.ts';
import { type OutboxContent, openContent, sealContent } from './sealedMail.ts';

const MAIL_ID_LENGTH = 16;

export interface OutboxOptions {
  readonly store: Store;
  /** 32 bytes. */
  readonly sealingKey: Uint8Array;
  /** Closed by {@link Outbox.stop}. */
  readonly transport: MailTransport;
  readonly settings: MailSettings;
  readonly log: MailLog;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Milliseconds between enqueueing an email and the first attempt; 0 by default. */
  readonly firstAttemptDelay?: () => number;
  readonly startTimer?: StartTimer;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

/** Stores emails, and sends them with retries until they are accepted or expire. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #sender: Mailbox;
  readonly #worker: OutboxWorker;

  /** @throws Error if the sender in the settings is not an address */
  constructor(options: OutboxOptions) {
    const { store, log, clock, startTimer = startRealTimer } = options;
    this.#options = options;
    this.#sender = parseSender(options.settings);
    this.#worker = new OutboxWorker({
      ...{ store, log, clock, startTimer },
      attempt: (row, signal) => this.#attempt(row, signal),
    });
  }

  /** Adds a recovery email as part of `transaction`. Once that is durable, the email will be sent. */
  async enqueue(transaction: Transaction, mail: CodeMail): Promise<void> {
    await this.#insert(transaction, { kind: 'recovery', mail }, mail.expiresAt);
  }

  /** Adds the email that confirms a new address. */
  async enqueueEmailChange(transaction: Transaction, mail: CodeMail): Promise<void> {
    await this.#insert(transaction, { kind: 'email_change', mail }, mail.expiresAt);
  }

  /** Adds the email that confirms the address of a registration. */
  async enqueueRegistration(transaction: Transaction, mail: CodeMail): Promise<void> {
    await this.#insert(transaction, { kind: 'registration', mail }, mail.expiresAt);
  }

  /** Adds an email about an event in an account. */
  async enqueueNotice(transaction: Transaction, mail: NoticeMail): Promise<void> {
    await this.#insert(transaction, { kind: 'notice', mail }, mail.expiresAt);
  }

  /**
   * Does the same work as {@link enqueue} for an email that is never sent, so that the time of a request does not
   * reveal whether the address has an account.
   *
   * @param expiresAt milliseconds since 1970
   */
  async enqueueDecoy(transaction: Transaction, expiresAt: number): Promise<void> {
    await this.#insert(transaction, { kind: 'decoy' }, expiresAt);
  }

  /** Starts sending the emails of the outbox. */
  start(): void {
    this.#worker.start();
  }

  /** Waits a moment for deliveries in progress, then aborts them. Their emails stay in the outbox for the next start. */
  async stop(): Promise<void> {
    await this.#worker.stop();
    this.#options.transport.close();
  }

  /** Resolves when nothing is due and nothing is being sent. Emails that wait for another attempt may remain. */
  idle(): Promise<void> {
    return this.#worker.idle();
  }

  async #insert(transaction: Transaction, content: OutboxContent, expiresAt: number): Promise<void> {
    const { sealingKey, clock, firstAttemptDelay = () => 0 } = this.#options;
    const mailId = randomBytes(MAIL_ID_LENGTH);
    const now = clock();
    await insertOutboxRow(transaction, {
      mail_id: mailId,
      sealed_mail: sealContent(sealingKey, mailId, content),
      created_at: now,
      expires_at: expiresAt,
      attempts: 0,
      next_attempt_at: now + firstAttemptDelay(),
      lease_token: null,
    });
    transaction.afterCommit(() => this.#worker.wake());
  }

  /** @returns time of the next attempt, or undefined if the email is done */
  async #attempt(row: OutboxRow, signal: AbortSignal): Promise<number | undefined> {
    const { transport, log, clock } = this.#options;
    const fields = { mailId: Buffer.from(row.mail_id).toString('hex'), attempts: row.attempts };
    if (row.expires_at <= clock()) {
      log.warn(fields, 'email dropped: expired before delivery');
      return undefined;
    }
    try {
      const message = this.#compose(row);
      if (!message) return undefined;
      await orAborted(transport.deliver(message, signal), signal);
      log.info(fields, 'email sent');
      return undefined;
    } catch (error) {
      return this.#afterFailure(row, error, fields);
    }
  }

  /** @returns undefined for a decoy */
  #compose({ mail_id, sealed_mail, created_at }: OutboxRow): MailMessage | undefined {
    const { sealingKey, settings } = this.#options;
    const content = openContent(sealingKey, mail_id, sealed_mail);
    switch (content?.kind) {
      case 'recovery':
      case 'email_change':
      case 'registration':
      case 'notice':
        return composeMail(content, settings, this.#sender, mail_id, created_at);
      case 'decoy':
        return undefined;
      default:
        throw new DeliveryError('encrypted under another master key or by another version', true);
    }
  }

  #afterFailure(row: OutboxRow, error: unknown, fields: object): number | undefined {
    const { log, clock, random = Math.random } = this.#options;
    // The message of any other error may quote what it failed on.
    const { message, permanent } = error instanceof DeliveryError ? error : new DeliveryError('internal error', false);
    const logged = { ...fields, reason: message };
    if (permanent) {
      log.error(logged, 'email dropped: undeliverable');
      return undefined;
    }
    const retryAt = clock() + retryDelayMs(row.attempts, random());
    if (retryAt >= row.expires_at) {
      log.error(logged, 'email dropped: expires before the next attempt');
      return undefined;
    }
    log.warn(logged, 'email delivery failed: will be retried');
    return Math.ceil(retryAt);
  }
}

/** Rejects when the signal aborts, so that a transport that ignores it holds up neither other emails nor stopping. */
async function orAborted(delivery: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([
    delivery,
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new DeliveryError(signal.reason, false)));
    }),
  ]);
}
