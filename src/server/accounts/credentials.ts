// Password checks of accounts: attempts, locks and the proof that a password was given.
import { Problem } from '../../protocol/problems.ts';
import { hmac } from '../crypto/derive.ts';
import { clearLoginAttempts, countLoginAttempt, type LockRule } from '../store/loginAttempts.ts';
import type { Store, Transaction } from '../store/store.ts';
import { findUserByEmail, findUserForUpdate, replacePasswordHash, type User } from '../store/users.ts';
import { KeyedMutex } from './keyedMutex.ts';
import type { PasswordHashing } from './passwordHasher.ts';

export const LOCK_RULE: LockRule = {
  maxFailures: 5,
  lockDurationMs: 15 * 60 * 1000,
  memoryMs: 24 * 60 * 60 * 1000,
};

/** Number of password checks of one account that may wait at once. */
const MAX_WAITING_PER_ACCOUNT = 500;

interface CredentialsDependencies {
  readonly store: Store;
  readonly hasher: PasswordHashing;
  /** Key under which email addresses are hashed to count attempts, 32 bytes. */
  readonly attemptsKey: Uint8Array;
  /** Emails the user about a lock; called for addresses without an account, too. */
  readonly reportLock: (transaction: Transaction, emailKey: string, user: User | undefined) => Promise<void>;
  readonly clock: () => number;
}

/** Proof that the password of an account was given, valid until that password changes. */
export interface VerifiedPassword {
  readonly user: User;
}

/** Checks passwords and locks accounts after wrong ones. */
export class Credentials {
  readonly #store: Store;
  readonly #hasher: PasswordHashing;
  readonly #attemptsKey: Uint8Array;
  readonly #reportLock: CredentialsDependencies['reportLock'];
  readonly #clock: () => number;
  /**
   * One check at a time per account: a burst of correct passwords must not look like a burst of guesses, and a client
   * that floods one account cannot fill the hashing pool.
   */
  readonly #checks = new KeyedMutex(MAX_WAITING_PER_ACCOUNT);

  constructor({ store, hasher, attemptsKey, reportLock, clock }: CredentialsDependencies) {
    this.#store = store;
    this.#hasher = hasher;
    this.#attemptsKey = attemptsKey;
    this.#reportLock = reportLock;
    this.#clock = clock;
  }

  /**
   * Checks a password. The attempt is counted before it is checked.
   *
   * @param emailKey the folded address; there need not be an account
   * @throws Problem `invalid_credentials` (the same for a wrong password and an unknown address), `account_locked`,
   *   `overloaded`
   */
  verify(emailKey: string, password: string): Promise<VerifiedPassword> {
    return this.#checks.run(emailKey, () => this.#check(emailKey, password));
  }

  /**
   * Makes sure, in the transaction that acts on it, that the verified password still is the account's.
   *
   * @returns the current user
   * @throws Problem `invalid_credentials` if it was changed in between
   */
  async confirm(transaction: Transaction, verified: VerifiedPassword): Promise<User> {
    const user = await findUserForUpdate(transaction, verified.user.user_id);
    if (user?.password_hash !== verified.user.password_hash) throw new Problem('invalid_credentials');
    return user;
  }

  /** Ends a lock and forgets the attempts. */
  async unlock(transaction: Transaction, emailKey: string): Promise<void> {
    await clearLoginAttempts(transaction, this.#accountKey(emailKey));
  }

  async #check(emailKey: string, password: string): Promise<VerifiedPassword> {
    let user: User | undefined;
    let locks = false;
    const matches = await this.#hasher.verify(async () => {
      ({ user, locks } = await this.#countAttempt(emailKey));
      return user?.password_hash;
    }, password);
    if (!user || !matches) {
      if (locks) await this.#store.transaction((tx) => this.#reportLock(tx, emailKey, user));
      throw new Problem('invalid_credentials');
    }
    return this.#acceptPassword(user, emailKey, password);
  }

  /** @returns the user, and whether this attempt locks the account unless the password is right */
  async #countAttempt(emailKey: string): Promise<{ user: User | undefined; locks: boolean }> {
    const [attempt, user] = await this.#store.transaction(async (tx) => [
      await countLoginAttempt(tx, this.#accountKey(emailKey), this.#clock(), LOCK_RULE),
      await findUserByEmail(tx, emailKey),
    ]);
    if (attempt.failures > LOCK_RULE.maxFailures) throw new Problem('account_locked');
    return { user, locks: attempt.failures === LOCK_RULE.maxFailures };
  }

  /** Forgets the attempts after a correct password, and replaces a hash with a cost other than the configured one. */
  async #acceptPassword(user: User, emailKey: string, password: string): Promise<VerifiedPassword> {
    const isOutdated = this.#hasher.needsRehash(user.password_hash);
    const passwordHash = isOutdated ? await this.#hasher.hash(password) : user.password_hash;
    await this.#store.transaction(async (tx) => {
      await clearLoginAttempts(tx, this.#accountKey(emailKey));
      if (isOutdated) await replacePasswordHash(tx, user.user_id, user.password_hash, passwordHash);
    });
    return { user: { ...user, password_hash: passwordHash } };
  }

  #accountKey(emailKey: string): Uint8Array {
    return hmac(this.#attemptsKey, emailKey);
  }
}
