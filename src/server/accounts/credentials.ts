// Password checks of accounts: attempts, locks and the proof that a password was given.
import { Problem } from '../../protocol/problems.ts';
import { hmac } from '../crypto/derive.ts';
import { clearLoginAttempts, countLoginAttempt, findLoginFailures, type LockRule } from '../store/loginAttempts.ts';
import type { Store, Transaction } from '../store/store.ts';
import { findUserByEmail, findUserForUpdate, replacePasswordHash, type User } from '../store/users.ts';
import { HashCosts } from './hashCosts.ts';
import { KeyedMutex } from './keyedMutex.ts';
import type { AttemptSubjects, ClientInfo, KnownClients } from './knownClients.ts';
import type { PasswordHashing } from './passwordHasher.ts';
import type { QueuePlace } from './semaphore.ts';

/** Applies to each client of an account. */
export const LOCK_RULE: LockRule = {
  maxFailures: 5,
  lockDurationMs: 15 * 60 * 1000,
  memoryMs: 24 * 60 * 60 * 1000,
};

/** Number of password checks of one client of an account that may wait at once. */
const MAX_WAITING_PER_CLIENT = 500;

/** Number of attempts that refill over time, counted by subject. */
export interface AttemptBudget {
  /** @returns false, without a write, if it is used up */
  spend(transaction: Transaction, subject: string | Uint8Array): Promise<boolean>;
  /** Reports whether {@link spend} would return false. */
  isUsedUp(transaction: Transaction, subject: string | Uint8Array): Promise<boolean>;
  refund(transaction: Transaction, subject: string | Uint8Array): Promise<void>;
  reset(transaction: Transaction, subject: string | Uint8Array): Promise<void>;
  /** Time in which one attempt refills. */
  readonly retryAfterSeconds: number;
}

interface CredentialsDependencies {
  readonly store: Store;
  readonly hasher: PasswordHashing;
  readonly clients: KnownClients;
  /** Wrong passwords that are checked. */
  readonly failures: {
    /** Of all clients together that are not known to an account, or of one that is. */
    readonly ofAccount: AttemptBudget;
    /** Of all clients together at an address, or of a device token or session. */
    readonly ofAddress: AttemptBudget;
  };
  /** Key under which the choice of dummy hashes depends on the email address: 32 bytes. */
  readonly attemptsKey: Uint8Array;
  /** Emails the user about a lock; called for addresses without an account, too. */
  readonly reportLock: (transaction: Transaction, emailKey: string, user: User | undefined) => Promise<void>;
  readonly clock: () => number;
}

/** Proof that the password of an account was given, valid until that password changes. */
export interface VerifiedPassword {
  readonly user: User;
}

/** An attempt, counted before the password is checked. */
interface CountedAttempt {
  readonly subjects: AttemptSubjects;
  /** Undefined if no password can be right. */
  readonly user: User | undefined;
  readonly passwordHash: string;
  /** The user with the address, even if no password can be right. */
  readonly owner: User | undefined;
  /** This attempt locks the account for the client unless the password is right. */
  readonly locks: boolean;
}

/** Checks passwords, and refuses further ones after wrong ones. */
export class Credentials {
  readonly #store: Store;
  readonly #hasher: PasswordHashing;
  readonly #clients: KnownClients;
  readonly #failures: CredentialsDependencies['failures'];
  readonly #attemptsKey: Uint8Array;
  readonly #reportLock: CredentialsDependencies['reportLock'];
  readonly #clock: () => number;
  readonly #hashCosts: HashCosts;
  /**
   * One check at a time per client of an account: a burst of correct passwords must not look like a burst of guesses, and a
   * client that floods one account cannot fill the hashing pool.
   */
  readonly #checks = new KeyedMutex(MAX_WAITING_PER_CLIENT);

  constructor({ store, hasher, clients, failures, attemptsKey, reportLock, clock }: CredentialsDependencies) {
    this.#store = store;
    this.#hasher = hasher;
    this.#clients = clients;
    this.#failures = failures;
    this.#attemptsKey = attemptsKey;
    this.#reportLock = reportLock;
    this.#clock = clock;
    this.#hashCosts = new HashCosts(hasher.parameters, clock);
  }

  /**
   * Checks a password. The attempt is counted before it is checked.
   *
   * @param emailKey the folded address; there need not be an account
   * @param isLoggedIn the session of the client is logged in to this account, which makes the client a known one
   * @throws Problem `invalid_credentials` (the same for a wrong password and an unknown address), `account_locked`,
   *   `suite2_required`, `too_many_requests`, `overloaded`
   */
  async verify(
    emailKey: string,
    password: string,
    client: ClientInfo,
    { isLoggedIn = false } = {},
  ): Promise<VerifiedPassword> {
    await this.#hashCosts.load(this.#store);
    const isPreferred = isLoggedIn || (await this.#hasToken(emailKey, client));
    const place = { lane: client.address, isPreferred };
    const key = [emailKey, client.address, client.deviceToken ?? ''].join('\0');
    return this.#checks.run(key, () => this.#check(emailKey, password, client, isLoggedIn, place));
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

  /** Ends a lock of this client, and forgets its attempts. */
  async unlock(transaction: Transaction, user: User, client: ClientInfo): Promise<void> {
    const subjects = await this.#clients.identify(transaction, user.email_key, user, client);
    await clearLoginAttempts(transaction, subjects.client);
    await this.#failures.ofAccount.reset(transaction, subjects.client);
  }

  async #check(
    emailKey: string,
    password: string,
    client: ClientInfo,
    isLoggedIn: boolean,
    place: QueuePlace,
  ): Promise<VerifiedPassword> {
    let attempt: CountedAttempt | undefined;
    const findHash = async () => {
      attempt = await this.#countAttempt(emailKey, client, isLoggedIn);
      return attempt.passwordHash;
    };
    const matches = await this.#hasher.verify(findHash, password, place);
    if (!attempt?.user || !matches) {
      if (attempt?.locks) await this.#reportLockOf(emailKey, attempt);
      throw new Problem('invalid_credentials');
    }
    return this.#acceptPassword(attempt.user, attempt.subjects, password, place);
  }

  async #reportLockOf(emailKey: string, { owner }: CountedAttempt): Promise<void> {
    await this.#store.transaction((tx) => this.#reportLock(tx, emailKey, owner));
  }

  /** @throws Problem `account_locked`, `suite2_required`, `too_many_requests`, `overloaded` */
  async #countAttempt(emailKey: string, client: ClientInfo, isLoggedIn: boolean): Promise<CountedAttempt> {
    const attempt = await this.#store.transaction(async (tx) => {
      const user = await findUserByEmail(tx, emailKey);
      const subjects = await this.#identify(tx, emailKey, user, client, isLoggedIn);
      const isSuiteRefused = user !== undefined && client.suite < user.min_suite && !isLoggedIn;
      // Strangers get the response of a wrong password: neither the account nor its password may be found out.
      if (isSuiteRefused && subjects.isKnown) throw new Problem('suite2_required');
      const isFirst = (await client.claimAttempt?.(tx)) ?? true;
      const failures = isFirst
        ? (await countLoginAttempt(tx, subjects.client, this.#clock(), LOCK_RULE)).failures
        : await findLoginFailures(tx, subjects.client, this.#clock());
      if (failures > LOCK_RULE.maxFailures) return undefined;
      if (isFirst) await this.#spendBudgets(tx, subjects);
      // The last guess of all strangers locks the account for them.
      const isLast = !subjects.isKnown && (await this.#failures.ofAccount.isUsedUp(tx, subjects.group));
      return {
        subjects,
        owner: user,
        locks: isLast || failures === LOCK_RULE.maxFailures,
        user: isSuiteRefused ? undefined : user,
        passwordHash: this.#hashFor(emailKey, user, isSuiteRefused),
      };
    });
    if (!attempt) throw new Problem('account_locked');
    return attempt;
  }

  /** @throws Problem `account_locked`, `too_many_requests`: nothing is counted, because the transaction is rolled back */
  async #spendBudgets(tx: Transaction, { group, origin }: AttemptSubjects): Promise<void> {
    const { ofAccount, ofAddress } = this.#failures;
    if (!(await ofAccount.spend(tx, group))) throw new Problem('account_locked');
    if (await ofAddress.spend(tx, origin)) return;
    throw new Problem('too_many_requests', { retryAfterSeconds: ofAddress.retryAfterSeconds });
  }

  /** Forgets the attempts of the client after a correct password, and replaces a hash with a cost other than the configured one. */
  async #acceptPassword(
    user: User,
    subjects: AttemptSubjects,
    password: string,
    place: QueuePlace,
  ): Promise<VerifiedPassword> {
    const isOutdated = this.#hasher.needsRehash(user.password_hash);
    const passwordHash = isOutdated ? await this.#hasher.hash(password, place) : user.password_hash;
    await this.#store.transaction(async (tx) => {
      await clearLoginAttempts(tx, subjects.client);
      // Others share this budget. It returns to what it was, so that they cannot find out that the owner logged in.
      await this.#failures.ofAccount.refund(tx, subjects.group);
      await this.#failures.ofAddress.refund(tx, subjects.origin);
      if (isOutdated) await replacePasswordHash(tx, user.user_id, user.password_hash, passwordHash);
    });
    if (isOutdated) this.#hashCosts.replace(user.password_hash, passwordHash);
    return { user: { ...user, password_hash: passwordHash } };
  }

  #hashFor(emailKey: string, user: User | undefined, isSuiteRefused: boolean): string {
    if (!user) return this.#hashCosts.dummyHash(this.#pointOf(emailKey));
    this.#hashCosts.notice(user.password_hash);
    return isSuiteRefused ? this.#hashCosts.dummyLike(user.password_hash) : user.password_hash;
  }

  /** Returns a number from 0 to 1 that depends on the email address and cannot be computed without the key. */
  #pointOf(emailKey: string): number {
    const bytes = hmac(this.#attemptsKey, 'hash cost\0', emailKey);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32;
  }

  async #identify(
    tx: Transaction,
    emailKey: string,
    user: User | undefined,
    client: ClientInfo,
    isLoggedIn: boolean,
  ): Promise<AttemptSubjects> {
    const subjects = await this.#clients.identify(tx, emailKey, user, client);
    const own = subjects.client;
    return isLoggedIn ? { client: own, group: own, isKnown: true, origin: own } : subjects;
  }

  /** Costs a query only for clients that send a token. */
  async #hasToken(emailKey: string, { deviceToken }: ClientInfo): Promise<boolean> {
    if (deviceToken === undefined) return false;
    return this.#store.transaction(async (tx) =>
      this.#clients.hasToken(tx, await findUserByEmail(tx, emailKey), deviceToken),
    );
  }
}
