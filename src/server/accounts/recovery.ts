// Account recovery: a mailed code lets a user set a new password.
import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { Problem } from '../../protocol/problems.ts';
import { hmac } from '../crypto/derive.ts';
import type { CodeMail } from '../store/outbox.ts';
import {
  confirmRecovery,
  consumeRecovery,
  countRecoveryTry,
  deleteUnusedRecoveries,
  findConfirmedRecovery,
  insertRecovery,
} from '../store/recoveries.ts';
import type { Store, Transaction } from '../store/store.ts';
import { findUserByEmail, findUserById, type User, updatePasswordHash } from '../store/users.ts';
import type { EndOtherSessions } from './accounts.ts';
import type { Credentials } from './credentials.ts';
import { foldEmail } from './email.ts';
import type { Notices } from './notices.ts';
import type { PasswordHashing } from './passwordHasher.ts';
import { checkPasswordPolicy } from './passwordPolicy.ts';

/** Excludes I, L, O, 0 and 1, which are easily confused. */
const CODE_ALPHABET = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';
const CODE_LENGTH = 6;
export const CODE_LIFETIME_MS = 10 * 60 * 1000;
/** Number of codes that a recovery accepts: one in 180 million guesses succeeds. */
export const MAX_TRIES = 5;
/** Time within which a confirmed recovery can set the password. */
const CONFIRMED_LIFETIME_MS = 10 * 60 * 1000;
const RECOVERY_ID_LENGTH = 16;

interface RecoveryDependencies {
  readonly store: Store;
  readonly hasher: Pick<PasswordHashing, 'hash'>;
  readonly credentials: Pick<Credentials, 'unlock'>;
  readonly outbox: {
    enqueue(transaction: Transaction, mail: CodeMail): Promise<void>;
    /** Costs the same and sends nothing. */
    enqueueDecoy(transaction: Transaction, expiresAt: number): Promise<void>;
  };
  readonly notices: Pick<Notices, 'send'>;
  /**
   * Counts an email to an address.
   *
   * @throws Problem `too_many_requests`
   */
  readonly limitMails: (transaction: Transaction, emailKey: string) => Promise<void>;
  readonly endOtherSessions: EndOtherSessions;
  /** Key under which codes are hashed, 32 bytes. */
  readonly codeKey: Uint8Array;
  readonly clock: () => number;
}

/** A new password, hashed before the transaction that sets it. */
export interface PreparedPassword {
  readonly passwordHash: string;
}

/** The three steps in which a user who can read the account's mail sets a new password. */
export class RecoveryRules {
  readonly #store: Store;
  readonly #hasher: Pick<PasswordHashing, 'hash'>;
  readonly #credentials: Pick<Credentials, 'unlock'>;
  readonly #outbox: RecoveryDependencies['outbox'];
  readonly #notices: RecoveryDependencies['notices'];
  readonly #limitMails: RecoveryDependencies['limitMails'];
  readonly #endOtherSessions: EndOtherSessions;
  readonly #codeKey: Uint8Array;
  readonly #clock: () => number;

  constructor(dependencies: RecoveryDependencies) {
    this.#store = dependencies.store;
    this.#hasher = dependencies.hasher;
    this.#credentials = dependencies.credentials;
    this.#outbox = dependencies.outbox;
    this.#notices = dependencies.notices;
    this.#limitMails = dependencies.limitMails;
    this.#endOtherSessions = dependencies.endOtherSessions;
    this.#codeKey = dependencies.codeKey;
    this.#clock = dependencies.clock;
  }

  /**
   * Begins a recovery, and mails the code if there is an account. The result does not reveal whether there is one.
   *
   * @returns the id of the recovery, to be stored in the session
   * @throws Problem `too_many_requests`
   */
  async begin(transaction: Transaction, email: string): Promise<Uint8Array> {
    const emailKey = foldEmail(email);
    await this.#limitMails(transaction, emailKey);
    const user = await findUserByEmail(transaction, emailKey);
    const recoveryId = randomBytes(RECOVERY_ID_LENGTH);
    const code = randomCode();
    const expiresAt = this.#clock() + CODE_LIFETIME_MS;
    await insertRecovery(transaction, {
      recovery_id: recoveryId,
      user_id: user?.user_id ?? null,
      code_hash: this.#hashCode(recoveryId, code),
      tries: 0,
      expires_at: expiresAt,
      confirmed_at: null,
      used_at: null,
    });
    // To the stored address, never to the one in the request: they may differ in more than case.
    if (user) await this.#outbox.enqueue(transaction, { to: user.email, code, expiresAt });
    else await this.#outbox.enqueueDecoy(transaction, expiresAt);
    return recoveryId;
  }

  /** @throws Problem `no_recovery`, `invalid_code` */
  async confirm(transaction: Transaction, recoveryId: Uint8Array | null, code: string): Promise<void> {
    const now = this.#clock();
    const recovery = recoveryId && (await countRecoveryTry(transaction, recoveryId, now, MAX_TRIES));
    if (!recovery) throw new Problem('no_recovery');
    const hash = this.#hashCode(recovery.recovery_id, code.trim().toUpperCase());
    const matches = timingSafeEqual(hash, recovery.code_hash);
    if (!matches || !recovery.user_id) throw new Problem('invalid_code');
    await confirmRecovery(transaction, recovery.recovery_id, now, now + CONFIRMED_LIFETIME_MS);
  }

  /** @throws Problem `no_recovery`, `password_refused`, `overloaded` */
  async prepareFinish(recoveryId: Uint8Array | null, newPassword: string): Promise<PreparedPassword> {
    const user = await this.#store.transaction((tx) => this.#findOwner(tx, recoveryId));
    checkPasswordPolicy(newPassword, user);
    return { passwordHash: await this.#hasher.hash(newPassword) };
  }

  /**
   * Sets the password, once. Also ends the lock and every other session of the user.
   *
   * @throws Problem `no_recovery`
   */
  async finish(
    transaction: Transaction,
    recoveryId: Uint8Array | null,
    sessionId: Uint8Array,
    { passwordHash }: PreparedPassword,
  ): Promise<void> {
    const user = await this.#findOwner(transaction, recoveryId);
    const consumed = recoveryId && (await consumeRecovery(transaction, recoveryId, this.#clock()));
    if (!consumed) throw new Problem('no_recovery');
    await updatePasswordHash(transaction, user.user_id, passwordHash);
    await deleteUnusedRecoveries(transaction, user.user_id);
    await this.#credentials.unlock(transaction, user.email_key);
    await this.#endOtherSessions(transaction, user.user_id, sessionId);
    await this.#notices.send(transaction, user.email, 'password_recovered');
  }

  async #findOwner(tx: Transaction, recoveryId: Uint8Array | null): Promise<User> {
    const recovery = recoveryId && (await findConfirmedRecovery(tx, recoveryId, this.#clock()));
    const user = recovery?.user_id && (await findUserById(tx, recovery.user_id));
    if (!user) throw new Problem('no_recovery');
    return user;
  }

  #hashCode(recoveryId: Uint8Array, code: string): Uint8Array {
    return hmac(this.#codeKey, recoveryId, code);
  }
}

export function randomCode(): string {
  return Array.from({ length: CODE_LENGTH }, () => CODE_ALPHABET[randomInt(CODE_ALPHABET.length)]).join('');
}
