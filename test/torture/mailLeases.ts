import type { StoreLocation } from '../../src/server/store/open.ts';
import { endLeases, endMailLease, readMailLeases } from './disk.ts';

/**
 * After so long, in milliseconds, a mail that one worker has is held to be that of a dead one: a mail is taken by the mail
 * server within some hundred milliseconds here, and one whose removal failed is tried again after two seconds.
 */
const ORPHANED_AFTER = 8_000;

/** Lets the leases of dead processes end long before their time, and knows which ones did. */
export interface MailLeases {
  /** Ends the leases that were left behind some time ago; whoever lives may be at work. */
  endOrphaned(): Promise<void>;
  /** Ends all leases, when nobody is at work. */
  endAll(): Promise<void>;
  /** Whether a lease of this mail was ended, after which it may come once more. */
  ended(mailId: string): boolean;
}

export function createMailLeases(database: StoreLocation, onEnd: () => void): MailLeases {
  const endedMails = new Set<string>();
  /** When each lease was first seen, by its token and its mail. */
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
