import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { Problem } from '../../protocol/problems.ts';
import { hmac } from '../crypto/derive.ts';
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
import type { Credentials } from './credentials.ts';
import { foldEmail } from './email.ts';
import type { PasswordHasher } from './passwordHasher.ts';
import { checkPasswordPolicy } from './passwordPolicy.ts';

/** Without I, L, O, 0 and 1, which look alike. */
const CODE_ALPHABET = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';
const CODE_LENGTH = 6;
const CODE_LIFETIME = 10 * 60 * 1000;
/** How many codes a recovery takes: one in 180 million guesses succeeds. */
const MAX_TRIES = 5;
/** How long a confirmed recovery can set the password. */
const CONFIRMED_LIFETIME = 10 * 60 * 1000;
const RECOVERY_ID_LENGTH = 16;

export interface RecoveryMail {
  readonly to: string;
  readonly username: string;
  readonly code: string;
  readonly expiresAt: number;
}

export interface RecoveryDependencies {
  readonly store: Store;
  readonly hasher: PasswordHasher;
  readonly credentials: Pick<Credentials, 'unlock'>;
  readonly outbox: {
    enqueue(transaction: Transaction, mail: RecoveryMail): Promise<void>;
    /** What costs the same and sends nothing. */
    enqueueDecoy(transaction: Transaction, expiresAt: number): Promise<void>;
  };
  /** Counts a mail to an address. @throws Problem `too_many_requests` */
  readonly limitMails: (transaction: Transaction, emailKey: string) => Promise<void>;
  readonly endOtherSessions: (transaction: Transaction, userId: Uint8Array, sessionId: Uint8Array) => Promise<void>;
  /** Key that codes are hashed with, 32 bytes. */
  readonly codeKey: Uint8Array;
  readonly clock: () => number;
}

/** A new password, hashed before the transaction that sets it. */
export interface PreparedPassword {
  readonly passwordHash: string;
}

/** The three steps by which somebody who can read the account's mail sets a new password. */
export interface RecoveryRules {
  /**
   * Begins a recovery, and mails the code if there is an account: the caller cannot tell.
   *
   * @returns the id of the recovery, to be kept in the session
   * @throws Problem `too_many_requests`
   */
  begin(transaction: Transaction, email: string): Promise<Uint8Array>;
  /** @throws Problem `no_recovery`, `invalid_code` */
  confirm(transaction: Transaction, recoveryId: Uint8Array | null, code: string): Promise<void>;
  /** @throws Problem `no_recovery`, `password_refused`, `overloaded` */
  prepareFinish(recoveryId: Uint8Array | null, newPassword: string): Promise<PreparedPassword>;
  /** Sets the password, once. @throws Problem `no_recovery` */
  finish(
    transaction: Transaction,
    recoveryId: Uint8Array | null,
    sessionId: Uint8Array,
    prepared: PreparedPassword,
  ): Promise<void>;
}

export function createRecoveryRules(dependencies: RecoveryDependencies): RecoveryRules {
  const { store, hasher, credentials, outbox, limitMails, endOtherSessions, codeKey, clock } = dependencies;

  const hashCode = (recoveryId: Uint8Array, code: string) => hmac(codeKey, recoveryId, code);

  async function findOwner(tx: Transaction, recoveryId: Uint8Array | null): Promise<User> {
    const recovery = recoveryId && (await findConfirmedRecovery(tx, recoveryId, clock()));
    const user = recovery?.user_id && (await findUserById(tx, recovery.user_id));
    if (!user) throw new Problem('no_recovery');
    return user;
  }

  return {
    async begin(tx, email) {
      const emailKey = foldEmail(email);
      await limitMails(tx, emailKey);
      const user = await findUserByEmail(tx, emailKey);
      const recoveryId = randomBytes(RECOVERY_ID_LENGTH);
      const code = randomCode();
      const expiresAt = clock() + CODE_LIFETIME;
      await insertRecovery(tx, {
        recovery_id: recoveryId,
        user_id: user?.user_id ?? null,
        code_hash: hashCode(recoveryId, code),
        tries: 0,
        expires_at: expiresAt,
        confirmed_at: null,
        used_at: null,
      });
      // To the address of the account, never to the one that was typed: they may differ in more than case.
      if (user) await outbox.enqueue(tx, { to: user.email, username: user.username, code, expiresAt });
      else await outbox.enqueueDecoy(tx, expiresAt);
      return recoveryId;
    },

    async confirm(tx, recoveryId, code) {
      const now = clock();
      const recovery = recoveryId && (await countRecoveryTry(tx, recoveryId, now, MAX_TRIES));
      if (!recovery) throw new Problem('no_recovery');
      const hash = hashCode(recovery.recovery_id, code.trim().toUpperCase());
      const matches = timingSafeEqual(hash, recovery.code_hash);
      if (!matches || !recovery.user_id) throw new Problem('invalid_code');
      await confirmRecovery(tx, recovery.recovery_id, now, now + CONFIRMED_LIFETIME);
    },

    async prepareFinish(recoveryId, newPassword) {
      const user = await store.transaction((tx) => findOwner(tx, recoveryId));
      checkPasswordPolicy(newPassword, user);
      return { passwordHash: await hasher.hash(newPassword) };
    },

    async finish(tx, recoveryId, sessionId, { passwordHash }) {
      const user = await findOwner(tx, recoveryId);
      if (!recoveryId || !(await consumeRecovery(tx, recoveryId, clock()))) throw new Problem('no_recovery');
      await updatePasswordHash(tx, user.user_id, passwordHash);
      await deleteUnusedRecoveries(tx, user.user_id);
      await credentials.unlock(tx, user.email_key);
      await endOtherSessions(tx, user.user_id, sessionId);
    },
  };
}

function randomCode(): string {
  return Array.from({ length: CODE_LENGTH }, () => CODE_ALPHABET[randomInt(CODE_ALPHABET.length)]).join('');
}
