import { Problem } from '../../protocol/problems.ts';
import { hmac } from '../crypto/derive.ts';
import { clearLoginAttempts, countLoginAttempt, type LockRule } from '../store/loginAttempts.ts';
import type { Store, Transaction } from '../store/store.ts';
import { findUserByEmail, findUserForUpdate, replacePasswordHash, type User } from '../store/users.ts';
import { createKeyedMutex } from './keyedMutex.ts';
import type { PasswordHasher } from './passwordHasher.ts';

export const LOCK_RULE: LockRule = {
  maxFailures: 5,
  lockDuration: 15 * 60 * 1000,
  memory: 24 * 60 * 60 * 1000,
};

/** How many password checks of one account may wait at once. */
const MAX_WAITING_PER_ACCOUNT = 500;

export interface CredentialsDependencies {
  readonly store: Store;
  readonly hasher: PasswordHasher;
  /** Key that e-mail addresses are hashed with before their attempts are counted, 32 bytes. */
  readonly attemptsKey: Uint8Array;
  readonly clock: () => number;
}

/** Proof that the password of an account was given, good for as long as that password is the account's. */
export interface VerifiedPassword {
  readonly user: User;
}

export interface Credentials {
  /**
   * Checks a password. The attempt is counted before it is checked.
   *
   * @param emailKey the address as it is compared; there need not be an account
   * @throws Problem `invalid_credentials` (wrong password and unknown address alike), `account_locked`, `overloaded`
   */
  verify(emailKey: string, password: string): Promise<VerifiedPassword>;
  /**
   * Makes sure, in the transaction that acts on it, that the verified password still is the account's.
   *
   * @returns the user as of now
   * @throws Problem `invalid_credentials` if it was changed in between
   */
  confirm(transaction: Transaction, verified: VerifiedPassword): Promise<User>;
  /** Ends a lock and forgets the attempts. */
  unlock(transaction: Transaction, emailKey: string): Promise<void>;
}

export function createCredentials({ store, hasher, attemptsKey, clock }: CredentialsDependencies): Credentials {
  // One at a time for an account: a burst of right passwords must not look like a burst of guesses,
  // and nobody fills the hashing pool by hammering at one account.
  const turns = createKeyedMutex(MAX_WAITING_PER_ACCOUNT);
  const accountKey = (emailKey: string) => hmac(attemptsKey, emailKey);

  async function countAttempt(emailKey: string): Promise<User | undefined> {
    const [attempt, user] = await store.transaction(async (tx) => [
      await countLoginAttempt(tx, accountKey(emailKey), clock(), LOCK_RULE),
      await findUserByEmail(tx, emailKey),
    ]);
    if (attempt.failures > LOCK_RULE.maxFailures) throw new Problem('account_locked');
    return user;
  }

  async function check(emailKey: string, password: string): Promise<VerifiedPassword> {
    let user: User | undefined;
    const matches = await hasher.verify(async () => {
      user = await countAttempt(emailKey);
      return user?.password_hash;
    }, password);
    if (!user || !matches) throw new Problem('invalid_credentials');
    return remember(user, emailKey, password);
  }

  /** After a right password: the attempts are forgotten, and a hash of yesterday's cost is made anew. */
  async function remember(user: User, emailKey: string, password: string): Promise<VerifiedPassword> {
    const passwordHash = hasher.needsRehash(user.password_hash) ? await hasher.hash(password) : user.password_hash;
    await store.transaction(async (tx) => {
      await clearLoginAttempts(tx, accountKey(emailKey));
      if (passwordHash !== user.password_hash) {
        await replacePasswordHash(tx, user.user_id, user.password_hash, passwordHash);
      }
    });
    return { user: { ...user, password_hash: passwordHash } };
  }

  return {
    verify: (emailKey, password) => turns.take(emailKey, () => check(emailKey, password)),
    async confirm(tx, verified) {
      const user = await findUserForUpdate(tx, verified.user.user_id);
      if (user?.password_hash !== verified.user.password_hash) throw new Problem('invalid_credentials');
      return user;
    },
    unlock: (tx, emailKey) => clearLoginAttempts(tx, accountKey(emailKey)),
  };
}
