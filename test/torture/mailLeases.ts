// Leases of emails that were in delivery when their process died.
import type { StoreLocation } from '../../src/server/store/open.ts';
import { endLeases, endMailLease, readMailLeases } from './disk.ts';

/**
 * In milliseconds: an older lease is taken for that of a dead worker. Here the mail server accepts an email within some
 * hundred milliseconds, and a failed removal from the outbox is retried after two seconds.
 */
const ORPHANED_AFTER = 8_000;

/** Ends the leases of dead processes early, and records which ones. */
export interface MailLeases {
  /** Ends the leases of dead workers; the others may be running. */
  endOrphaned(): Promise<void>;
  /** Ends all leases. No server may be running. */
  endAll(): Promise<void>;
  /** Returns true if a lease of this email was ended, so that it may be sent again. */
  ended(mailId: string): boolean;
}

export function createMailLeases(database: StoreLocation, onEnd: () => void): MailLeases {
  const endedMails = new Set<string>();
  /** First time each lease was seen, by its token and mail. */
  const seen = new Map<string, number>();

  return {
    async endOrphaned() {
      const leases = await readMailLeases(database);
      for (const lease of leases) {
        const name = `${lease.token} ${lease.mailId}`;
        const since = seen.get(name) ?? performance.now();
        seen.set(name, since);
        if (performance.now() - since < ORPHANED_AFTER) continue;
        endedMails.add(lease.mailId);
        await endMailLease(database, lease);
        onEnd();
      }
    },
    async endAll() {
      for (const { mailId } of await readMailLeases(database)) {
        endedMails.add(mailId);
        onEnd();
      }
      await endLeases(database);
    },
    ended: (mailId) => endedMails.has(mailId),
  };
}
