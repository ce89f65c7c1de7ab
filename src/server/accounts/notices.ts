// Decides which notices are mailed, and limits those that strangers can cause.
import { Problem } from '../../protocol/problems.ts';
import type { NoticeKind, NoticeMail } from '../store/outbox.ts';
import type { Transaction } from '../store/store.ts';
import { type User, updateLoginNotices } from '../store/users.ts';
import { noticeSubject } from './email.ts';

/** Stored form of each choice of login notices. */
export const LOGIN_NOTICES = { off: 0, all: 1, new_devices: 2 } as const;
const CHOICES: ReadonlyMap<string, number> = new Map(Object.entries(LOGIN_NOTICES));

/** A notice is sent late rather than never, but not days after the event. */
const NOTICE_LIFETIME_MS = 24 * 60 * 60 * 1000;

/**
 * Counts a notice.
 *
 * @param subject to which the limit applies, such as a mailbox
 * @returns false if the limit is exceeded
 */
export type NoticeLimit = (transaction: Transaction, subject: string) => Promise<boolean>;

export interface NoticesDependencies {
  readonly outbox: {
    enqueueNotice(transaction: Transaction, mail: NoticeMail): Promise<void>;
    /** Costs the same and sends nothing. */
    enqueueDecoy(transaction: Transaction, expiresAt: number): Promise<void>;
  };
  readonly limits: {
    readonly locks: NoticeLimit;
    readonly logins: NoticeLimit;
    readonly summaries: NoticeLimit;
    readonly changes: NoticeLimit;
    readonly changeSummaries: NoticeLimit;
  };
  readonly clock: () => number;
}

/** Emails to users about events in their accounts, written in the transaction of the event. */
export class Notices {
  readonly #outbox: NoticesDependencies['outbox'];
  readonly #limits: NoticesDependencies['limits'];
  readonly #clock: () => number;

  constructor({ outbox, limits, clock }: NoticesDependencies) {
    this.#outbox = outbox;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Sends a notice that cannot be switched off. */
  async send(tx: Transaction, to: string, notice: NoticeKind, network?: string): Promise<void> {
    const mail = { to, notice, expiresAt: this.#expiry(), ...(network !== undefined && { network }) };
    await this.#outbox.enqueueNotice(tx, mail);
  }

  /**
   * Reports a change of an account: the first ones of a day each, then one summary. Suite 1 does not confirm addresses, so that
   * anyone can have accounts with the mailbox of another person: those share a limit. An account whose address was confirmed has
   * its own.
   */
  async reportChange(tx: Transaction, user: User, notice: 'password_changed' | 'email_changed'): Promise<void> {
    const { changes, changeSummaries } = this.#limits;
    const mailbox = user.email_verified_at === null ? noticeSubject(user.email_key) : user.email_key;
    // Many password changes must not hide the change of the address.
    const subject = `${notice}\0${mailbox}`;
    if (await changes(tx, subject)) await this.send(tx, user.email, notice);
    else if (await changeSummaries(tx, subject)) await this.send(tx, user.email, 'changes_unreported');
  }

  /**
   * Reports a lock. Does the same work for an address without an account, so that the time of the response does not reveal
   * whether there is one.
   */
  async reportLock(tx: Transaction, emailKey: string, user: Pick<User, 'email'> | undefined): Promise<void> {
    // Anyone can lock an account, so the number of these emails is limited.
    const isWithinLimit = await this.#limits.locks(tx, noticeSubject(emailKey));
    if (user && isWithinLimit) await this.send(tx, user.email, 'account_locked');
    else await this.#outbox.enqueueDecoy(tx, this.#expiry());
  }

  /** Reports a login, if the user wants that: the first ones of a day each, then one summary. */
  async reportLogin(tx: Transaction, user: User, address: string, isNewDevice: boolean): Promise<void> {
    const { login_notices: choice } = user;
    if (choice === LOGIN_NOTICES.off || (choice === LOGIN_NOTICES.new_devices && !isNewDevice)) return;
    const notice = isNewDevice ? 'new_device' : 'login';
    const subject = noticeSubject(user.email_key);
    if (await this.#limits.logins(tx, subject)) await this.send(tx, user.email, notice, maskAddress(address));
    else if (await this.#limits.summaries(tx, subject)) await this.send(tx, user.email, 'logins_unreported');
  }

  /**
   * Sets which optional notices a user gets.
   *
   * @param login `off`, `new_devices` or `all`
   * @throws Problem `invalid_value`
   */
  async choose(tx: Transaction, userId: Uint8Array, login: string): Promise<void> {
    const notices = CHOICES.get(login);
    if (notices === undefined) throw new Problem('invalid_value', { detail: 'login is off, new_devices or all.' });
    await updateLoginNotices(tx, userId, notices);
  }

  #expiry(): number {
    return this.#clock() + NOTICE_LIFETIME_MS;
  }
}

/**
 * Removes the last part of an address: mailboxes are less protected than the server.
 *
 * @param address subject of a rate limit: an IPv4 address, or an IPv6 network
 */
export function maskAddress(address: string): string {
  if (!address.includes(':')) return address.replace(/\.\d+$/, '.x');
  const [groups = ''] = address.split('::');
  return `${groups.split(':').slice(0, 3).join(':')}::`;
}
