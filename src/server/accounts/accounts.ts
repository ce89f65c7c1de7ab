// Rules of accounts: registering, logging in, changing name and password.
import { randomBytes } from 'node:crypto';
import { Problem } from '../../protocol/problems.ts';
import { SUITE2 } from '../../protocol/suite2.ts';
import { deleteEmailChange } from '../store/emailChanges.ts';
import {
  claimSkeletons,
  countRenames,
  type DatedNames,
  findFormerNames,
  findFormerOwner,
  findNames,
  isNameTaken,
  releaseName,
} from '../store/formerNames.ts';
import { deleteUnusedRecoveries } from '../store/recoveries.ts';
import type { Store, Transaction } from '../store/store.ts';
import {
  findUserByEmail,
  findUserById,
  findUserIdByUsername,
  insertUser,
  raiseMinSuite,
  type User,
  updatePasswordHash,
  updateUsername,
} from '../store/users.ts';
import type { Credentials, VerifiedPassword } from './credentials.ts';
import { checkEmailFormat, type Email, foldEmail, parseEmail } from './email.ts';
import type { ClientInfo, KnownClients } from './knownClients.ts';
import { LOGIN_NOTICES, type Notices } from './notices.ts';
import type { PasswordHashing } from './passwordHasher.ts';
import { checkPasswordFormat, checkPasswordPolicy } from './passwordPolicy.ts';
import type { QueuePlace } from './semaphore.ts';
import { checkNameHidesPassword, foldUsername, parseUsername, revealsPassword, type Username } from './username.ts';

const USER_ID_LENGTH = 16;
const MONTH_MS = 30 * 24 * 60 * 60 * 1000;

/** Ends every session of a user except one. */
export type EndOtherSessions = (transaction: Transaction, userId: Uint8Array, sessionId: Uint8Array) => Promise<void>;

interface AccountsDependencies {
  readonly store: Store;
  readonly hasher: Pick<PasswordHashing, 'hash'>;
  readonly credentials: Credentials;
  readonly clients: KnownClients;
  /** Creates the message key of a new user. */
  readonly createUserKey: (transaction: Transaction, userId: Uint8Array, now: number) => Promise<void>;
  readonly endOtherSessions: EndOtherSessions;
  readonly notices: Pick<Notices, 'reportChange' | 'reportLogin'>;
  /** Rejects logins with an older suite than the newest one that the account was used with. */
  readonly downgradeProtection: boolean;
  /** Number of name changes of one account in 30 days. */
  readonly renamesPerMonth: number;
  readonly clock: () => number;
}

export interface PreparedRegistration extends Username, Email {
  readonly passwordHash: string;
}

export interface PreparedUsername extends Username {
  readonly verified: VerifiedPassword;
}

export interface PreparedPasswordChange {
  readonly verified: VerifiedPassword;
  readonly passwordHash: string;
  readonly newPassword: string;
}

/**
 * The rules of accounts. Operations that hash a password have two parts: a slow one before the transaction, and one
 * inside it that makes sure that nothing changed in between.
 */
export class Accounts {
  readonly #store: Store;
  readonly #hasher: Pick<PasswordHashing, 'hash'>;
  readonly #credentials: Credentials;
  readonly #clients: KnownClients;
  readonly #createUserKey: AccountsDependencies['createUserKey'];
  readonly #endOtherSessions: EndOtherSessions;
  readonly #notices: AccountsDependencies['notices'];
  readonly #downgradeProtection: boolean;
  readonly #renamesPerMonth: number;
  readonly #clock: () => number;

  constructor(dependencies: AccountsDependencies) {
    this.#store = dependencies.store;
    this.#hasher = dependencies.hasher;
    this.#credentials = dependencies.credentials;
    this.#clients = dependencies.clients;
    this.#createUserKey = dependencies.createUserKey;
    this.#endOtherSessions = dependencies.endOtherSessions;
    this.#notices = dependencies.notices;
    this.#downgradeProtection = dependencies.downgradeProtection;
    this.#renamesPerMonth = dependencies.renamesPerMonth;
    this.#clock = dependencies.clock;
  }

  /**
   * In suite 2, a taken address is not refused: only its mailbox may learn that there is an account.
   *
   * @throws Problem `invalid_username`, `invalid_email`, `password_refused`, `username_taken`, `overloaded`; in suite 1
   *   `email_taken`
   */
  async prepareRegistration(
    usernameText: string,
    emailText: string,
    password: string,
    client: ClientInfo,
  ): Promise<PreparedRegistration> {
    const username = parseUsername(usernameText);
    const email = parseEmail(emailText);
    checkPasswordPolicy(password, { username: username.username, email: email.email }, client.suite);
    checkNameHidesPassword(usernameText, password);
    // The insert checks again; checking here only saves the hash.
    await this.#store.transaction((tx) => rejectTaken(tx, username, client.suite < SUITE2 ? email : undefined));
    return { ...username, ...email, passwordHash: await this.#hasher.hash(password, placeOf(client)) };
  }

  /**
   * Creates an account. In suite 2, its address was confirmed.
   *
   * @returns the new user's id
   * @throws Problem `username_taken`, `email_taken`
   */
  async register(transaction: Transaction, prepared: PreparedRegistration, suite: number): Promise<Uint8Array> {
    const userId = randomBytes(USER_ID_LENGTH);
    const now = this.#clock();
    if (await isNameTaken(transaction, prepared)) throw new Problem('username_taken');
    const inserted = await insertUser(transaction, {
      user_id: userId,
      username: prepared.username,
      username_key: prepared.usernameKey,
      email: prepared.email,
      email_key: prepared.emailKey,
      password_hash: prepared.passwordHash,
      created_at: now,
      min_suite: this.#downgradeProtection ? suite : 1,
      // An unconfirmed address may be that of another person.
      ...(suite >= SUITE2 && { email_verified_at: now, login_notices: LOGIN_NOTICES.new_devices }),
    });
    if (!inserted) {
      await rejectTaken(transaction, prepared, prepared);
      throw new Error('an insert conflicted with a row that does not exist');
    }
    await claimSkeletons(transaction, userId, prepared.skeletons);
    await this.#createUserKey(transaction, userId, now);
    return userId;
  }

  /**
   * @throws Problem `invalid_email`, `invalid_credentials`, `account_locked`, `suite2_required`, `too_many_requests`,
   *   `overloaded`
   */
  async prepareLogin(email: string, password: string, client: ClientInfo): Promise<VerifiedPassword> {
    // Malformed fields are refused before the account is looked up, so the response does not depend on it.
    checkEmailFormat(email);
    return this.#credentials.verify(foldEmail(email), password, client);
  }

  /**
   * @returns the user's id
   * @throws Problem `invalid_credentials`
   */
  async logIn(transaction: Transaction, verified: VerifiedPassword, client: ClientInfo): Promise<Uint8Array> {
    const { suite, address } = client;
    const user = await this.#credentials.confirm(transaction, verified);
    // The password was not checked against an account that requires a newer suite: it requires it since then.
    if (suite < user.min_suite) throw new Problem('invalid_credentials');
    if (this.#downgradeProtection) await raiseMinSuite(transaction, user.user_id, suite);
    await this.#notices.reportLogin(transaction, user, address, await this.#clients.isNew(transaction, user, client));
    return user.user_id;
  }

  /**
   * Remembers a client that logged in, or registered.
   *
   * @returns in suite 2, the device token for the client to keep
   */
  async rememberClient(transaction: Transaction, userId: Uint8Array, client: ClientInfo): Promise<string | undefined> {
    const user = await findUserById(transaction, userId);
    return user && this.#clients.remember(transaction, user, client);
  }

  /**
   * @throws Problem `invalid_username`, `password_refused`, `invalid_credentials`, `account_locked`, `too_many_requests`,
   *   `overloaded`
   */
  async prepareUsernameChange(
    userId: Uint8Array,
    newUsername: string,
    password: string,
    client: ClientInfo,
  ): Promise<PreparedUsername> {
    const username = parseUsername(newUsername);
    checkPasswordFormat(password);
    const user = await this.#findUser(userId);
    const verified = await this.#credentials.verify(user.email_key, password, client, { isLoggedIn: true });
    checkNameHidesPassword(newUsername, password);
    return { ...username, verified };
  }

  /**
   * Changes the name. The former one stays reserved for the user.
   *
   * @throws Problem `username_taken`, `renamed_too_often`, `invalid_credentials`
   */
  async changeUsername(transaction: Transaction, prepared: PreparedUsername): Promise<void> {
    const { username, usernameKey, skeletons, verified } = prepared;
    const user = await this.#credentials.confirm(transaction, verified);
    if (username === user.username) return;
    if (await isNameTaken(transaction, prepared, user.user_id)) throw new Problem('username_taken');
    const now = this.#clock();
    const renames = await countRenames(transaction, user.user_id, now - MONTH_MS);
    if (renames >= this.#renamesPerMonth) throw new Problem('renamed_too_often');
    const changed = await updateUsername(transaction, user.user_id, { username, username_key: usernameKey });
    if (!changed) throw new Problem('username_taken');
    await releaseName(transaction, user, usernameKey, now);
    await claimSkeletons(transaction, user.user_id, skeletons);
  }

  /** @throws Problem `password_refused`, `invalid_credentials`, `account_locked`, `too_many_requests`, `overloaded` */
  async preparePasswordChange(
    userId: Uint8Array,
    password: string,
    newPassword: string,
    client: ClientInfo,
  ): Promise<PreparedPasswordChange> {
    checkPasswordFormat(password);
    const user = await this.#findUser(userId);
    checkPasswordPolicy(newPassword, user, client.suite);
    const verified = await this.#credentials.verify(user.email_key, password, client, { isLoggedIn: true });
    return { verified, passwordHash: await this.#hasher.hash(newPassword, placeOf(client, true)), newPassword };
  }

  /**
   * Also ends every other session of the user and an unconfirmed change of the address, and forgets the other known clients.
   *
   * @throws Problem `invalid_credentials`, `password_refused` if it is part of a name of the account
   */
  async changePassword(
    transaction: Transaction,
    sessionId: Uint8Array,
    { verified, passwordHash, newPassword }: PreparedPasswordChange,
    client: ClientInfo,
  ): Promise<void> {
    const user = await this.#credentials.confirm(transaction, verified);
    await rejectPasswordInName(transaction, user, newPassword);
    await updatePasswordHash(transaction, user.user_id, passwordHash);
    await deleteUnusedRecoveries(transaction, user.user_id);
    await deleteEmailChange(transaction, user.user_id);
    await this.#clients.forgetOthers(transaction, user.user_id, client.address);
    await this.#endOtherSessions(transaction, user.user_id, sessionId);
    await this.#notices.reportChange(transaction, user, 'password_changed');
  }

  /** Returns the id of the user who has this name, or had it last, in any spelling that folds to it. */
  async findByUsername(transaction: Transaction, username: string): Promise<Uint8Array | undefined> {
    const usernameKey = foldUsername(username);
    return (await findUserIdByUsername(transaction, usernameKey)) ?? findFormerOwner(transaction, usernameKey);
  }

  /** @throws Problem `not_authenticated` if the account no longer exists */
  async show(transaction: Transaction, userId: Uint8Array): Promise<Pick<User, 'username' | 'email'>> {
    const user = await findUserById(transaction, userId);
    if (!user) throw new Problem('not_authenticated');
    return { username: user.username, email: user.email };
  }

  /** Returns the names of a user, now and at a time in milliseconds since 1970. */
  async findNames(transaction: Transaction, userId: Uint8Array, time: number): Promise<DatedNames | undefined> {
    return findNames(transaction, userId, time);
  }

  async #findUser(userId: Uint8Array): Promise<User> {
    const user = await this.#store.transaction((tx) => findUserById(tx, userId));
    if (!user) throw new Problem('not_authenticated');
    return user;
  }
}

function placeOf({ address }: ClientInfo, isPreferred = false): QueuePlace {
  return { lane: address, isPreferred };
}

/**
 * Refuses a new password that is part of a present or former name of the user.
 *
 * @throws Problem `password_refused`
 */
export async function rejectPasswordInName(tx: Transaction, user: User, newPassword: string): Promise<void> {
  const names = [user.username, ...(await findFormerNames(tx, user.user_id))];
  if (!names.some((name) => revealsPassword(name, newPassword))) return;
  throw new Problem('password_refused', { detail: 'The password is part of a username of this account.' });
}

async function rejectTaken(tx: Transaction, username: Username, email?: Email): Promise<void> {
  if (await isNameTaken(tx, username)) throw new Problem('username_taken');
  if (email && (await findUserByEmail(tx, email.emailKey))) throw new Problem('email_taken');
}
