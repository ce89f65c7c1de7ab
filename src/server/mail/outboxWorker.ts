// Worker that leases due emails of the outbox and has them sent.
import { randomBytes } from 'node:crypto';
import { findNextMailTime, leaseDueMails, type OutboxRow, removeMail, rescheduleMail } from '../store/outbox.ts';
import type { Store, Transaction } from '../store/store.ts';
import { MAX_CONCURRENT_DELIVERIES, type MailLog } from './mail.ts';

/** Maximum time of one attempt. */
const DELIVERY_TIMEOUT_MS = 90_000;
/** Longer than an attempt, so that no other worker begins the same email during it. */
const LEASE_DURATION_MS = DELIVERY_TIMEOUT_MS + 30_000;
/** Polling interval for emails that other processes abandoned. */
const POLL_INTERVAL_MS = 30_000;
/** Pause after a database error. */
const STORE_RETRY_INTERVAL_MS = 2_000;
/** Time that stopping waits for attempts in progress before it aborts them. */
const STOP_TIMEOUT_MS = 5_000;
const LEASE_TOKEN_LENGTH = 16;

/** Calls back once after some milliseconds, unless the returned function is called before. */
export type StartTimer = (callback: () => void, milliseconds: number) => () => void;

export const startRealTimer: StartTimer = (callback, milliseconds) => {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
};

interface OutboxWorkerOptions {
  readonly store: Store;
  /**
   * Makes one attempt. Never rejects.
   *
   * @param signal aborts with a text for the log
   * @returns time of the next attempt in milliseconds since 1970, or undefined if the email is done
   */
  readonly attempt: (row: OutboxRow, signal: AbortSignal) => Promise<number | undefined>;
  readonly log: MailLog;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly startTimer: StartTimer;
}

interface Attempt {
  readonly abort: AbortController;
  readonly end: Promise<void>;
}

/**
 * Takes due emails out of the outbox under leases, a few at a time. Only one worker takes an email, and the row is deleted
 * after the email has been accepted. An email is therefore sent twice only if its acceptance is not known: the connection
 * broke or the attempt was aborted between the last byte of the message and the reply, or the process died before it
 * deleted the row. SMTP has no solution for that (RFC 1047); the same Message-ID lets receivers merge the copies.
 */
export class OutboxWorker {
  readonly #options: OutboxWorkerOptions;
  readonly #attempts = new Map<string, Attempt>();
  #running = false;
  #polling: Promise<void> | undefined;
  #pollAgain = false;
  #cancelTimer = () => {};
  #idleCallbacks: (() => void)[] = [];

  constructor(options: OutboxWorkerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = true;
    this.wake();
  }

  /** Notifies the worker that emails may be due. Does nothing before start and after stop. */
  wake(): void {
    if (!this.#running) return;
    this.#pollAgain = true;
    this.#polling ??= this.#poll();
  }

  /** Begins no more attempts, waits a moment for those in progress, then aborts them. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#cancelTimer();
    await this.#polling;
    const cancelStopTimeout = this.#options.startTimer(() => {
      for (const { abort } of this.#attempts.values()) abort.abort('aborted: the server is stopping');
    }, STOP_TIMEOUT_MS);
    await Promise.all(this.#attempts.values().map(({ end }) => end));
    cancelStopTimeout();
  }

  /** Resolves when nothing is due and no attempt is in progress. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idleCallbacks.push(resolve);
      this.#notifyIfIdle();
    });
  }

  async #poll(): Promise<void> {
    while (this.#pollAgain && this.#running) {
      this.#pollAgain = false;
      this.#cancelTimer();
      const pauseMs = await this.#takeDueMails();
      if (this.#running) this.#cancelTimer = this.#options.startTimer(() => this.wake(), pauseMs);
    }
    this.#polling = undefined;
    this.#notifyIfIdle();
  }

  /** @returns milliseconds until the next poll */
  async #takeDueMails(): Promise<number> {
    const { store, log, clock } = this.#options;
    const limit = MAX_CONCURRENT_DELIVERIES - this.#attempts.size;
    // The end of an attempt wakes the worker.
    if (limit === 0) return POLL_INTERVAL_MS;
    const leaseToken = randomBytes(LEASE_TOKEN_LENGTH);
    const now = clock();
    try {
      const { rows, nextTime } = await store.transaction(async (transaction) => ({
        rows: await leaseDueMails(transaction, { now, leaseUntil: now + LEASE_DURATION_MS, leaseToken, limit }),
        nextTime: await findNextMailTime(transaction),
      }));
      for (const row of rows) this.#begin(row, leaseToken);
      return nextTime === undefined ? POLL_INTERVAL_MS : Math.min(Math.max(nextTime - clock(), 0), POLL_INTERVAL_MS);
    } catch (error) {
      log.error({ reason: safeReason(error) }, 'reading the outbox failed');
      return STORE_RETRY_INTERVAL_MS;
    }
  }

  #begin(row: OutboxRow, leaseToken: Uint8Array): void {
    const mailId = Buffer.from(row.mail_id).toString('hex');
    // During a database outage the lease may have expired before the result of the attempt could be recorded.
    if (this.#attempts.has(mailId)) return;
    const abort = new AbortController();
    const end = this.#run(row, leaseToken, abort).then(() => {
      this.#attempts.delete(mailId);
      this.wake();
      this.#notifyIfIdle();
    });
    this.#attempts.set(mailId, { abort, end });
  }

  async #run(row: OutboxRow, leaseToken: Uint8Array, abort: AbortController): Promise<void> {
    const cancelTimeout = this.#options.startTimer(() => abort.abort('timed out'), DELIVERY_TIMEOUT_MS);
    const retryAt = await this.#options.attempt(row, abort.signal);
    cancelTimeout();
    await this.#record(row, leaseToken, retryAt, abort.signal);
  }

  /** Retries while the database fails: a forgotten acceptance would send the email again. */
  async #record(row: OutboxRow, leaseToken: Uint8Array, retryAt: number | undefined, signal: AbortSignal) {
    const { store, log } = this.#options;
    const change = (transaction: Transaction) =>
      retryAt === undefined
        ? removeMail(transaction, row.mail_id)
        : rescheduleMail(transaction, row.mail_id, leaseToken, retryAt);
    for (;;) {
      try {
        return await store.transaction(change);
      } catch (error) {
        log.error({ reason: safeReason(error) }, 'writing the outbox failed');
        if (signal.aborted) return;
        await this.#pause(STORE_RETRY_INTERVAL_MS, signal);
      }
    }
  }

  /** Ends early when the signal aborts. */
  #pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.startTimer(resolve, milliseconds);
      signal.addEventListener('abort', () => {
        cancel();
        resolve();
      });
    });
  }

  #notifyIfIdle(): void {
    if (this.#polling || this.#attempts.size > 0) return;
    const callbacks = this.#idleCallbacks;
    this.#idleCallbacks = [];
    for (const callback of callbacks) callback();
  }
}

/** Leaves out messages, because those of databases may quote the written values. */
function safeReason(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return String(code ?? name);
}
