import { randomBytes } from 'node:crypto';
import { Problem } from '../../protocol/problems.ts';
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
import type { PasswordHasher } from './passwordHasher.ts';
import { checkPasswordFormat, checkPasswordPolicy } from './passwordPolicy.ts';
import { foldUsername, parseUsername, type Username } from './username.ts';

const USER_ID_LENGTH = 16;

export interface AccountsDependencies {
  readonly store: Store;
  readonly hasher: PasswordHasher;
  readonly credentials: Credentials;
  /** Gives a new user a message key. */
  readonly createUserKey: (transaction: Transaction, userId: Uint8Array, now: number) => Promise<void>;
  readonly endOtherSessions: (transaction: Transaction, userId: Uint8Array, sessionId: Uint8Array) => Promise<void>;
  /** Whether an account that was used with a suite is no more to be used with an older one. */
  readonly downgradeProtection: boolean;
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
}

/**
 * The rules of accounts. What hashes a password comes in two parts: a slow one before the transaction, and one inside it
 * that makes sure that nothing changed in between.
 */
export interface Accounts {
  /** @throws Problem `invalid_username`, `invalid_email`, `password_refused`, `username_taken`, `email_taken`, `overloaded` */
  prepareRegistration(username: string, email: string, password: string): Promise<PreparedRegistration>;
  /** @returns the new user's id. @throws Problem `username_taken`, `email_taken` */
  register(transaction: Transaction, prepared: PreparedRegistration, suite: number): Promise<Uint8Array>;
  /** @throws Problem `invalid_email`, `invalid_credentials`, `account_locked`, `overloaded` */
  prepareLogin(email: string, password: string): Promise<VerifiedPassword>;
  /**
   * @param suite of the session that is to be logged in
   * @returns the user's id
   * @throws Problem `invalid_credentials`, `suite2_required`
   */
  logIn(transaction: Transaction, verified: VerifiedPassword, suite: number): Promise<Uint8Array>;
  /** @throws Problem `invalid_username`, `password_refused`, `invalid_credentials`, `account_locked`, `overloaded` */
  prepareUsernameChange(userId: Uint8Array, newUsername: string, password: string): Promise<PreparedUsername>;
  /** @throws Problem `username_taken`, `invalid_credentials` */
  changeUsername(transaction: Transaction, prepared: PreparedUsername): Promise<void>;
  /** @throws Problem `password_refused`, `invalid_credentials`, `account_locked`, `overloaded` */
  preparePasswordChange(userId: Uint8Array, password: string, newPassword: string): Promise<PreparedPasswordChange>;
  /** Also ends every other session of the user. @throws Problem `invalid_credentials` */
  changePassword(transaction: Transaction, sessionId: Uint8Array, prepared: PreparedPasswordChange): Promise<void>;
  /** @returns the id of the user that a name, as it came, means */
  findByUsername(transaction: Transaction, username: string): Promise<Uint8Array | undefined>;
  /** @throws Problem `not_authenticated` if there is no such account any more */
  show(transaction: Transaction, userId: Uint8Array): Promise<Pick<User, 'username' | 'email'>>;
  /** @returns the name of a user as it is now */
  findName(transaction: Transaction, userId: Uint8Array): Promise<string | undefined>;
}

export function createAccounts(dependencies: AccountsDependencies): Accounts {
  const { store, hasher, credentials, createUserKey, endOtherSessions, downgradeProtection, clock } = dependencies;

  async function refuseTaken(tx: Transaction, { usernameKey }: Username, { emailKey }: Email): Promise<void> {
    if (await findUserIdByUsername(tx, usernameKey)) throw new Problem('username_taken');
    if (await findUserByEmail(tx, emailKey)) throw new Problem('email_taken');
  }

  async function findUser(userId: Uint8Array): Promise<User> {
    const user = await store.transaction((tx) => findUserById(tx, userId));
    if (!user) throw new Problem('not_authenticated');
    return user;
  }

  return {
    async prepareRegistration(usernameText, emailText, password) {
      const username = parseUsername(usernameText);
      const email = parseEmail(emailText);
      checkPasswordPolicy(password, { username: username.username, email: email.email });
      // Asked again by the insert: this one only spares the hash.
      await store.transaction((tx) => refuseTaken(tx, username, email));
      return { ...username, ...email, passwordHash: await hasher.hash(password) };
    },

    async register(tx, prepared, suite) {
      const userId = randomBytes(USER_ID_LENGTH);
      const now = clock();
      const inserted = await insertUser(tx, {
        user_id: userId,
        username: prepared.username,
        username_key: prepared.usernameKey,
        email: prepared.email,
        email_key: prepared.emailKey,
        password_hash: prepared.passwordHash,
        created_at: now,
        min_suite: downgradeProtection ? suite : 1,
      });
      if (!inserted) {
        await refuseTaken(tx, prepared, prepared);
        throw new Error('an insert conflicted with a row that is not there');
      }
      await createUserKey(tx, userId, now);
      return userId;
    },

    async prepareLogin(email, password) {
      // Malformed fields are refused before the account is looked up, so the answer does not depend on it.
      checkEmailFormat(email);
      return credentials.verify(foldEmail(email), password);
    },

    async logIn(tx, verified, suite) {
      const user = await credentials.confirm(tx, verified);
      if (suite < user.min_suite) throw new Problem('suite2_required');
      if (downgradeProtection) await raiseMinSuite(tx, user.user_id, suite);
      return user.user_id;
    },

    async prepareUsernameChange(userId, newUsername, password) {
      const username = parseUsername(newUsername);
      checkPasswordFormat(password);
      const user = await findUser(userId);
      return { ...username, verified: await credentials.verify(user.email_key, password) };
    },

    async changeUsername(tx, { username, usernameKey, verified }) {
      const user = await credentials.confirm(tx, verified);
      const changed = await updateUsername(tx, user.user_id, { username, username_key: usernameKey });
      if (!changed) throw new Problem('username_taken');
    },

    async preparePasswordChange(userId, password, newPassword) {
      checkPasswordFormat(password);
      const user = await findUser(userId);
      checkPasswordPolicy(newPassword, user);
      const verified = await credentials.verify(user.email_key, password);
      return { verified, passwordHash: await hasher.hash(newPassword) };
    },

    async changePassword(tx, sessionId, { verified, passwordHash }) {
      const user = await credentials.confirm(tx, verified);
      await updatePasswordHash(tx, user.user_id, passwordHash);
      await deleteUnusedRecoveries(tx, user.user_id);
      await endOtherSessions(tx, user.user_id, sessionId);
    },

    async findByUsername(tx, username) {
      return findUserIdByUsername(tx, foldUsername(username));
    },

    async show(tx, userId) {
      const user = await findUserById(tx, userId);
      if (!user) throw new Problem('not_authenticated');
      return { username: user.username, email: user.email };
    },

    async findName(tx, userId) {
      return (await findUserById(tx, userId))?.username;
    },
  };
}
