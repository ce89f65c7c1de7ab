import { randomBytes } from 'node:crypto';
import { findNextMailTime, leaseDueMails, type OutboxRow, removeMail, rescheduleMail } from '../store/outbox.ts';
import type { Store, Transaction } from '../store/store.ts';
import { MAX_CONCURRENT_DELIVERIES, type MailLog } from './mail.ts';

/** How long one attempt may take, in milliseconds. */
const DELIVERY_TIMEOUT = 90_000;
/** Longer than an attempt, so that no other worker begins the same mail while this one is at it. In milliseconds. */
const LEASE_DURATION = DELIVERY_TIMEOUT + 30_000;
/** How often to look for mails that other processes left behind, in milliseconds. */
const POLL_INTERVAL = 30_000;
/** How long to wait for a database that failed, in milliseconds. */
const STORE_RETRY_INTERVAL = 2_000;
/** How long stopping waits for attempts under way before it breaks them off, in milliseconds. */
const STOP_TIMEOUT = 5_000;

/** Calls back once after some milliseconds, unless the returned function is called before. */
export type StartTimer = (callback: () => void, milliseconds: number) => () => void;

export const startRealTimer: StartTimer = (callback, milliseconds) => {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
};

export interface WorkerOptions {
  readonly store: Store;
  /**
   * Makes one attempt. Never rejects.
   *
   * @param signal aborts with a text for the log
   * @returns when to try again, in milliseconds since 1970, or undefined when done with the mail for good
   */
  readonly attempt: (row: OutboxRow, signal: AbortSignal) => Promise<number | undefined>;
  readonly log: MailLog;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly startTimer: StartTimer;
}

export interface Worker {
  start(): void;
  /** Says that there may be mails that are due. Does nothing before start and after stop. */
  wake(): void;
  /** Begins no more attempts, waits a moment for those under way, then breaks them off. */
  stop(): Promise<void>;
  /** Resolves when nothing is due and nothing under way. */
  idle(): Promise<void>;
}

/**
 * Takes due mails out of the outbox under leases, a few at a time. A mail is taken by one worker only, and the row goes
 * once the mail has been accepted; so a mail goes out twice only if its acceptance was never learnt: the connection
 * broke, or the attempt was broken off, between the last byte of the message and the reply, or the process died before
 * it removed the row. SMTP has no answer to that (RFC 1047); the same Message-ID lets receivers fold the copies.
 */
export function createWorker({ store, attempt, log, clock, startTimer }: WorkerOptions): Worker {
  const attempts = new Map<string, { readonly abort: AbortController; readonly end: Promise<void> }>();
  let running = false;
  let looking: Promise<void> | undefined;
  let lookAgain = false;
  let cancelTimer = () => {};
  let idleCallbacks: (() => void)[] = [];

  function wake(): void {
    if (!running) return;
    lookAgain = true;
    looking ??= look();
  }

  async function look(): Promise<void> {
    while (lookAgain && running) {
      lookAgain = false;
      cancelTimer();
      const pause = await takeDueMails();
      if (running) cancelTimer = startTimer(wake, pause);
    }
    looking = undefined;
    tellIfIdle();
  }

  /** @returns after how many milliseconds to look again */
  async function takeDueMails(): Promise<number> {
    const limit = MAX_CONCURRENT_DELIVERIES - attempts.size;
    // The end of an attempt wakes the worker.
    if (limit === 0) return POLL_INTERVAL;
    const leaseToken = randomBytes(16);
    const now = clock();
    try {
      const { rows, nextTime } = await store.transaction(async (transaction) => ({
        rows: await leaseDueMails(transaction, { now, leaseUntil: now + LEASE_DURATION, leaseToken, limit }),
        nextTime: await findNextMailTime(transaction),
      }));
      for (const row of rows) begin(row, leaseToken);
      return nextTime === undefined ? POLL_INTERVAL : Math.min(Math.max(nextTime - clock(), 0), POLL_INTERVAL);
    } catch (error) {
      log.error({ reason: safeReason(error) }, 'the outbox cannot be read');
      return STORE_RETRY_INTERVAL;
    }
  }

  function begin(row: OutboxRow, leaseToken: Uint8Array): void {
    const mailId = Buffer.from(row.mail_id).toString('hex');
    // While the database failed, the lease may have ended before the outcome of the attempt could be recorded.
    if (attempts.has(mailId)) return;
    const abort = new AbortController();
    const cancelTimeout = startTimer(() => abort.abort('took too long'), DELIVERY_TIMEOUT);
    const end = attempt(row, abort.signal)
      .then((retryAt) => {
        cancelTimeout();
        return record(row, leaseToken, retryAt, abort.signal);
      })
      .then(() => {
        attempts.delete(mailId);
        wake();
        tellIfIdle();
      });
    attempts.set(mailId, { abort, end });
  }

  /** Insists while the database fails: forgetting that a mail was accepted would send it again. */
  async function record(row: OutboxRow, leaseToken: Uint8Array, retryAt: number | undefined, signal: AbortSignal) {
    const change = (transaction: Transaction) =>
      retryAt === undefined
        ? removeMail(transaction, row.mail_id)
        : rescheduleMail(transaction, row.mail_id, leaseToken, retryAt);
    for (;;) {
      try {
        return await store.transaction(change);
      } catch (error) {
        log.error({ reason: safeReason(error) }, 'the outbox cannot be written');
        if (signal.aborted) return;
        await pause(STORE_RETRY_INTERVAL, signal);
      }
    }
  }

  /** Ends early when the signal aborts. */
  function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = startTimer(resolve, milliseconds);
      signal.addEventListener('abort', () => {
        cancel();
        resolve();
      });
    });
  }

  function tellIfIdle(): void {
    if (looking || attempts.size > 0) return;
    const callbacks = idleCallbacks;
    idleCallbacks = [];
    for (const callback of callbacks) callback();
  }

  return {
    start() {
      running = true;
      wake();
    },
    wake,
    async stop() {
      running = false;
      cancelTimer();
      await looking;
      const cancelStopTimeout = startTimer(() => {
        for (const { abort } of attempts.values()) abort.abort('broken off to stop');
      }, STOP_TIMEOUT);
      await Promise.all(attempts.values().map(({ end }) => end));
      cancelStopTimeout();
    },
    idle: () =>
      new Promise((resolve) => {
        idleCallbacks.push(resolve);
        tellIfIdle();
      }),
  };
}

/** Texts of databases may quote what was written. */
function safeReason(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return String(code ?? name);
}
