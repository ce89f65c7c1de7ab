/** Changing the email address: a code that is mailed to the new address confirms it. */
import { timingSafeEqual } from 'node:crypto';
import { Problem } from '../../protocol/problems.ts';
import { hmac } from '../crypto/derive.ts';
import { countEmailChangeTry, deleteEmailChange, upsertEmailChange } from '../store/emailChanges.ts';
import type { CodeMail } from '../store/outbox.ts';
import { deleteUnusedRecoveries } from '../store/recoveries.ts';
import type { Store, Transaction } from '../store/store.ts';
import { findUserByEmail, findUserById, findUserForUpdate, updateEmail } from '../store/users.ts';
import type { Credentials, VerifiedPassword } from './credentials.ts';
import { type Email, noticeSubject, parseEmail } from './email.ts';
import type { ClientInfo } from './knownClients.ts';
import type { Notices } from './notices.ts';
import { checkPasswordFormat } from './passwordPolicy.ts';
import { CODE_LIFETIME_MS, MAX_TRIES, randomCode } from './recovery.ts';

export interface EmailChangeDependencies {
  readonly store: Store;
  readonly credentials: Pick<Credentials, 'verify' | 'confirm' | 'unlock'>;
  readonly outbox: { enqueueEmailChange(transaction: Transaction, mail: CodeMail): Promise<void> };
  readonly notices: Pick<Notices, 'reportChange'>;
  /** Key under which codes are hashed, 32 bytes. */
  readonly codeKey: Uint8Array;
  /**
   * Counts an email to a mailbox.
   *
   * @throws Problem `too_many_requests`
   */
  readonly limitMails: (transaction: Transaction, subject: string) => Promise<void>;
  readonly clock: () => number;
}

/** A new address whose request was authorized by the password. */
export interface PreparedEmailChange extends Email {
  readonly verified: VerifiedPassword;
}

/** The addresses of a change, for the response. */
export type ConfirmedEmailChange = { readonly email: string; readonly former_email: string };

/** The two steps in which a user changes the address of the account. */
export class EmailChanges {
  readonly #dependencies: EmailChangeDependencies;

  constructor(dependencies: EmailChangeDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws Problem `invalid_email`, `password_refused`, `invalid_credentials`, `account_locked`, `overloaded` */
  async prepare(
    userId: Uint8Array,
    newEmail: string,
    password: string,
    client: ClientInfo,
  ): Promise<PreparedEmailChange> {
    const { store, credentials } = this.#dependencies;
    const email = parseEmail(newEmail);
    checkPasswordFormat(password);
    const user = await store.transaction((tx) => findUserById(tx, userId));
    if (!user) throw new Problem('not_authenticated');
    return { ...email, verified: await credentials.verify(user.email_key, password, client, { isLoggedIn: true }) };
  }

  /**
   * Emails a code to the new address. Replaces an earlier change that was not confirmed.
   *
   * @throws Problem `email_taken`, `invalid_credentials`, `too_many_requests`
   */
  async begin(tx: Transaction, { email, emailKey, verified }: PreparedEmailChange): Promise<void> {
    const { credentials, outbox, limitMails, clock } = this.#dependencies;
    const { user_id } = await credentials.confirm(tx, verified);
    const owner = await findUserByEmail(tx, emailKey);
    if (owner && Buffer.compare(owner.user_id, user_id) !== 0) throw new Problem('email_taken');
    await limitMails(tx, noticeSubject(emailKey));
    const code = randomCode();
    const expiresAt = clock() + CODE_LIFETIME_MS;
    await upsertEmailChange(tx, {
      user_id,
      new_email: email,
      new_email_key: emailKey,
      code_hash: this.#hashCode(user_id, code),
      tries: 0,
      expires_at: expiresAt,
    });
    await outbox.enqueueEmailChange(tx, { to: email, code, expiresAt });
  }

  /**
   * Sets the new address, and reports that to the old one.
   *
   * @returns both addresses
   * @throws Problem `no_email_change`, `invalid_code`, `email_taken`
   */
  async confirm(tx: Transaction, userId: Uint8Array, code: string, client: ClientInfo): Promise<ConfirmedEmailChange> {
    const { credentials, notices, clock } = this.#dependencies;
    const user = await findUserForUpdate(tx, userId);
    if (!user) throw new Problem('not_authenticated');
    const change = await countEmailChangeTry(tx, userId, clock(), MAX_TRIES);
    if (!change) throw new Problem('no_email_change');
    const hash = this.#hashCode(userId, code.trim().toUpperCase());
    if (!timingSafeEqual(hash, change.code_hash)) throw new Problem('invalid_code');
    await deleteEmailChange(tx, userId);
    const address = { email: change.new_email, email_key: change.new_email_key, email_verified_at: clock() };
    if (!(await updateEmail(tx, userId, address))) throw new Problem('email_taken');
    await deleteUnusedRecoveries(tx, userId);
    // Attempts are counted by address. Those on the new one were not attempts on this account. Only those of this client are
    // forgotten: strangers would notice the end of their own lock, and learn that the address got an account or lost it.
    await credentials.unlock(tx, user, client);
    await credentials.unlock(tx, { ...user, ...address }, client);
    await notices.reportChange(tx, user, 'email_changed');
    return { email: change.new_email, former_email: user.email };
  }

  #hashCode(userId: Uint8Array, code: string): Uint8Array {
    return hmac(this.#dependencies.codeKey, 'email change ', userId, code);
  }
}
