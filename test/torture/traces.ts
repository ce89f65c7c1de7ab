// Checks what a run leaves behind and no actor can see: outbox, emails, users.
import { setTimeout as delay } from 'node:timers/promises';
import { MAX_CONCURRENT_DELIVERIES } from '../../src/server/mail/mail.ts';
import type { StoreLocation } from '../../src/server/store/open.ts';
import type { Account } from './account.ts';
import { countOutbox, findDamage, readUsers } from './disk.ts';
import type { MailLeases } from './mailLeases.ts';
import type { Oracle } from './oracle.ts';
import type { SortedMails } from './sortedMails.ts';

const OUTBOX_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

/** Acknowledged emails that have not arrived must be in the outbox. The servers may be running. */
export async function checkOutbox(
  oracle: Oracle,
  database: StoreLocation,
  sortedMails: SortedMails,
  accounts: readonly Account[],
): Promise<void> {
  // In this order: an email that is requested or arrives meanwhile cannot be missed.
  const asked = accounts.map(({ email, mails }) => ({ email, count: mails.asked }));
  const waiting = await countOutbox(database);
  const missing = asked.map(({ email, count }) => Math.max(0, count - sortedMails.mailsTo(email).length));
  const total = missing.reduce((sum, count) => sum + count, 0);
  oracle.count('checks');
  if (total > waiting)
    oracle.report('the disk', 'no acknowledged mail is lost', `${total} missing, ${waiting} in the outbox`);
}

export async function outboxEmpty(database: StoreLocation): Promise<void> {
  const deadline = performance.now() + OUTBOX_TIMEOUT_MS;
  while ((await countOutbox(database)) > 0 && performance.now() < deadline) await delay(POLL_MS);
}

/** Each email arrived once, except copies of those whose worker died after sending them. */
export function checkMails(
  oracle: Oracle,
  sortedMails: SortedMails,
  leases: Pick<MailLeases, 'ended'>,
  accounts: readonly Account[],
): void {
  for (const { email, mails } of accounts) {
    const came = sortedMails.mailsTo(email).length;
    oracle.count('checks');
    if (came < mails.asked || came > mails.asked + mails.maybe) {
      const detail = `${email}: ${mails.asked} acknowledged, ${mails.maybe} abandoned, ${came} arrived`;
      oracle.report('the mail server', 'each recovery is mailed once', detail);
    }
  }
  const { mails, copies } = sortedMails.totals();
  oracle.count('mails', mails);
  oracle.count('mail copies', copies.length);
  // No other worker takes an email before its lease ends, and no lease ends on its own here.
  const unexplained = copies.filter((mailId) => !leases.ended(mailId));
  if (unexplained.length > 0) {
    const detail = `${unexplained.length} copies without the end of a lease, the first of ${unexplained[0]}`;
    oracle.report('the mail server', 'a mail is sent once during its lease', detail);
  }
  // A crash between the acceptance of an email and its removal from the outbox sends it again; nothing else may.
  if (copies.length > oracle.counts.kills * MAX_CONCURRENT_DELIVERIES) {
    oracle.report('the mail server', 'a mail is sent once, except after crashes', `${copies.length} copies`);
  }
}

/** Checks that exactly the acknowledged users exist, under their acknowledged names. */
export async function checkUsers(oracle: Oracle, database: StoreLocation, accounts: readonly Account[]): Promise<void> {
  const found = new Map((await readUsers(database)).map(({ username, email }) => [email, username]));
  for (const { email, usernames } of accounts) {
    const username = found.get(email);
    found.delete(email);
    oracle.count('checks');
    if (username === undefined || !usernames.includes(username)) {
      oracle.report('the disk', 'accounts and names are kept', `${email}: ${username}, not ${usernames.join(' or ')}`);
    }
  }
  const excess = [...found.keys()];
  // An actor that noticed a violated guarantee has abandoned its account.
  if (excess.length > 0 && oracle.violations.length === 0) {
    oracle.report('the disk', 'a registration is executed once', `never acknowledged: ${excess.join(', ')}`);
  }
}

export async function checkDamage(oracle: Oracle, database: StoreLocation): Promise<void> {
  for (const damage of await findDamage(database)) oracle.report('the disk', 'the database is not damaged', damage);
}
