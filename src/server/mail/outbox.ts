import { randomBytes } from 'node:crypto';
import { insertOutboxRow, type OutboxRow, type RecoveryMail } from '../store/outbox.ts';
import type { Store, Transaction } from '../store/store.ts';
import { parseSender } from './address.ts';
import { DeliveryError, type MailLog, type MailMessage, type MailSettings, type MailTransport } from './mail.ts';
import { composeRecoveryMail } from './message.ts';
import { retryDelay } from './retryDelay.ts';
import { type OutboxContent, openContent, sealContent } from './sealedMail.ts';
import { createWorker, type StartTimer, startRealTimer } from './worker.ts';

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
  /** Milliseconds that a mail waits before it is sent for the first time; none by default. */
  readonly firstAttemptDelay?: () => number;
  readonly startTimer?: StartTimer;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

export interface Outbox {
  /** Puts a mail into the outbox as part of `transaction`; once that is durable, the mail will be sent. */
  enqueue(transaction: Transaction, mail: RecoveryMail): Promise<void>;
  /**
   * Does all that {@link enqueue} does, for a mail that is never sent: who asks for the recovery of an unknown address
   * must not be able to tell by the time it takes.
   *
   * @param expiresAt milliseconds since 1970
   */
  enqueueDecoy(transaction: Transaction, expiresAt: number): Promise<void>;
  /** Begins to send what is in the outbox, and what comes. */
  start(): void;
  /** Waits a moment for mails that are being sent, then breaks them off: they stay in the outbox for the next start. */
  stop(): Promise<void>;
  /** Resolves when nothing is due and nothing is being sent. Mails that wait for another attempt may remain. */
  idle(): Promise<void>;
}

/** @throws Error if the sender in the settings is not an address */
export function createOutbox(options: OutboxOptions): Outbox {
  const { store, sealingKey, transport, settings, log, clock } = options;
  const { startTimer = startRealTimer, random = Math.random, firstAttemptDelay = () => 0 } = options;
  const sender = parseSender(settings);
  const worker = createWorker({ store, attempt, log, clock, startTimer });

  async function insert(transaction: Transaction, content: OutboxContent, expiresAt: number): Promise<void> {
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
    transaction.afterCommit(worker.wake);
  }

  async function attempt(row: OutboxRow, signal: AbortSignal): Promise<number | undefined> {
    const fields = { mailId: Buffer.from(row.mail_id).toString('hex'), attempts: row.attempts };
    if (row.expires_at <= clock()) {
      log.warn(fields, 'a mail was given up: it came to its end before it could be sent');
      return undefined;
    }
    try {
      const message = open(row);
      if (!message) return undefined;
      await orAborted(transport.deliver(message, signal), signal);
      log.info(fields, 'a mail was sent');
      return undefined;
    } catch (error) {
      return afterFailure(row, error, fields);
    }
  }

  /** @returns undefined for a decoy */
  function open(row: OutboxRow): MailMessage | undefined {
    const content = openContent(sealingKey, row.mail_id, row.sealed_mail);
    switch (content?.kind) {
      case 'recovery':
        return composeRecoveryMail(content.mail, settings, sender, row.mail_id, row.created_at);
      case 'decoy':
        return undefined;
      default:
        throw new DeliveryError('sealed under another master key, or by another version', true);
    }
  }

  function afterFailure(row: OutboxRow, error: unknown, fields: object): number | undefined {
    // The text of any other error may hold what it failed on.
    const { message, permanent } = error instanceof DeliveryError ? error : new DeliveryError('internal error', false);
    const logged = { ...fields, reason: message };
    if (permanent) {
      log.error(logged, 'a mail was given up: it cannot be delivered');
      return undefined;
    }
    const retryAt = clock() + retryDelay(row.attempts, random());
    if (retryAt >= row.expires_at) {
      log.error(logged, 'a mail was given up: it would come to its end before the next attempt');
      return undefined;
    }
    log.warn(logged, 'a mail could not be sent yet');
    return Math.ceil(retryAt);
  }

  return {
    enqueue: (transaction, mail) => insert(transaction, { kind: 'recovery', mail }, mail.expiresAt),
    enqueueDecoy: (transaction, expiresAt) => insert(transaction, { kind: 'decoy' }, expiresAt),
    start: worker.start,
    async stop() {
      await worker.stop();
      transport.close();
    },
    idle: worker.idle,
  };
}

/** A transport that ignores its signal must not hold up the others, or the end of the process. */
async function orAborted(delivery: Promise<void>, signal: AbortSignal): Promise<void> {
  await Promise.race([
    delivery,
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new DeliveryError(signal.reason, false)));
    }),
  ]);
}
