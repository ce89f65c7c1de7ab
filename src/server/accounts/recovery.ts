// Account recovery: a mailed code lets a user set a new password.
import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { Problem } from '../../protocol/problems.ts';
import { hmac } from '../crypto/derive.ts';
import { deleteEmailChange } from '../store/emailChanges.ts';
import type { CodeMail } from '../store/outbox.ts';
import {
  confirmRecovery,
  consumeRecovery,
  countRecoveryTry,
  deleteRecoveriesWithCode,
  deleteUnusedRecoveries,
  findConfirmedRecovery,
  findLastMailedCode,
  insertRecovery,
  type Recovery,
} from '../store/recoveries.ts';
import type { Store, Transaction } from '../store/store.ts';
import { findUserByEmail, findUserById, type User, updatePasswordHash, verifyEmail } from '../store/users.ts';
import { type EndOtherSessions, rejectPasswordInName } from './accounts.ts';
import type { AttemptBudget, Credentials } from './credentials.ts';
import { foldEmail, mailboxOf, noticeSubject } from './email.ts';
import type { AttemptSubjects, ClientInfo, KnownClients } from './knownClients.ts';
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
/** A code that expires sooner is not shared. It must leave the time to read the email and to type the code. */
const MIN_SHARED_LIFETIME_MS = 3 * 60 * 1000;

interface ClientAndGroup {
  readonly ofClient: AttemptBudget;
  /** Of all clients of an account that it does not know, or of one that it knows. */
  readonly ofGroup: AttemptBudget;
}

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
  readonly clients: KnownClients;
  /** The client budgets are smaller than those of an account, so that it takes several clients to use these up. */
  readonly limits: {
    readonly mails: ClientAndGroup & {
      /** Beyond the others, to the owners of a mailbox for whom no code is valid that could be shared. */
      readonly withoutSharedCode: AttemptBudget;
      /** Of all addresses of a mailbox that have a tag. */
      readonly ofTags: AttemptBudget;
      /** Of all addresses of a mailbox, from all clients. */
      readonly ofMailbox: AttemptBudget;
    };
    readonly tries: ClientAndGroup;
  };
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
  readonly #clients: KnownClients;
  readonly #limits: RecoveryDependencies['limits'];
  readonly #endOtherSessions: EndOtherSessions;
  readonly #codeKey: Uint8Array;
  readonly #clock: () => number;

  constructor(dependencies: RecoveryDependencies) {
    this.#store = dependencies.store;
    this.#hasher = dependencies.hasher;
    this.#credentials = dependencies.credentials;
    this.#outbox = dependencies.outbox;
    this.#notices = dependencies.notices;
    this.#clients = dependencies.clients;
    this.#limits = dependencies.limits;
    this.#endOtherSessions = dependencies.endOtherSessions;
    this.#codeKey = dependencies.codeKey;
    this.#clock = dependencies.clock;
  }

  /**
   * Begins a recovery, and mails a code if there is an account. When the limit on emails is reached, the code that was mailed
   * last is valid for this recovery, too, or one is mailed if none is valid: a stranger who asks for codes cannot keep the owner
   * from recovering. Neither the result nor the time reveals whether there is an account or whether an email is sent.
   *
   * @returns the id of the recovery, to be stored in the session
   */
  async begin(transaction: Transaction, email: string, client: ClientInfo): Promise<Uint8Array> {
    const emailKey = foldEmail(email);
    const found = await findUserByEmail(transaction, emailKey);
    const subjects = await this.#clients.identify(transaction, emailKey, found, client);
    const user = found && client.suite < found.min_suite ? undefined : found;
    // Addresses with a tag share the limit of their mailbox.
    const ofMailbox = await this.#clients.identify(transaction, mailboxOf(emailKey), found, client);
    const maySend = await this.#countMail(transaction, ofMailbox, emailKey, user);
    const now = this.#clock();
    const emailHash = this.#hashEmail(emailKey);
    const last = await findLastMailedCode(transaction, emailHash, user?.user_id ?? null, now + MIN_SHARED_LIFETIME_MS);
    const recoveryId = randomBytes(RECOVERY_ID_LENGTH);
    const code = randomCode();
    const newCode = {
      code_id: recoveryId,
      code_hash: this.#hashCode(recoveryId, code),
      expires_at: now + CODE_LIFETIME_MS,
    };
    const shared = maySend ? undefined : last;
    const isMailed = maySend || (!last && (await this.#countMailWithoutSharedCode(transaction, emailKey, user)));
    const { code_id, code_hash, expires_at } = shared ?? newCode;
    await insertRecovery(transaction, {
      ...{ recovery_id: recoveryId, user_id: user?.user_id ?? null, email_hash: emailHash },
      ...{ code_id, code_hash, expires_at, tries: 0, confirmed_at: null, used_at: null },
      ...{ client_key: subjects.client, group_key: subjects.group },
    });
    const { expires_at: expiresAt } = newCode;
    // To the stored address, never to the one in the request: they may differ in more than case.
    if (user && isMailed) await this.#outbox.enqueue(transaction, { to: user.email, code, expiresAt });
    else await this.#outbox.enqueueDecoy(transaction, expiresAt);
    return recoveryId;
  }

  /** @throws Problem `no_recovery`, `invalid_code`, `too_many_requests` */
  async confirm(transaction: Transaction, recoveryId: Uint8Array | null, code: string): Promise<void> {
    const now = this.#clock();
    const recovery = recoveryId && (await countRecoveryTry(transaction, recoveryId, now, MAX_TRIES));
    if (!recovery) throw new Problem('no_recovery');
    await this.#countTry(transaction, recovery);
    const hash = this.#hashCode(recovery.code_id ?? recovery.recovery_id, code.trim().toUpperCase());
    const matches = timingSafeEqual(hash, recovery.code_hash);
    if (!matches || !recovery.user_id) throw new Problem('invalid_code');
    await confirmRecovery(transaction, recovery.recovery_id, now, now + CONFIRMED_LIFETIME_MS);
    await deleteRecoveriesWithCode(transaction, recovery);
  }

  /** @throws Problem `no_recovery`, `password_refused`, `overloaded` */
  async prepareFinish(
    recoveryId: Uint8Array | null,
    newPassword: string,
    client: ClientInfo,
  ): Promise<PreparedPassword> {
    const user = await this.#store.transaction(async (tx) => {
      const owner = await this.#findOwner(tx, recoveryId, client);
      await rejectPasswordInName(tx, owner, newPassword);
      return owner;
    });
    checkPasswordPolicy(newPassword, user, client.suite);
    // Preferred: the client proved that it reads the account's mail.
    return { passwordHash: await this.#hasher.hash(newPassword, { lane: client.address, isPreferred: true }) };
  }

  /**
   * Sets the password, once. Also ends every other session of the user, an unconfirmed change of the address and the lock of this client, and forgets the known
   * clients except the network of this one.
   *
   * @throws Problem `no_recovery`
   */
  async finish(
    transaction: Transaction,
    recoveryId: Uint8Array | null,
    sessionId: Uint8Array,
    { passwordHash }: PreparedPassword,
    client: ClientInfo,
  ): Promise<void> {
    const user = await this.#findOwner(transaction, recoveryId, client);
    const consumed = recoveryId && (await consumeRecovery(transaction, recoveryId, this.#clock()));
    if (!consumed) throw new Problem('no_recovery');
    await updatePasswordHash(transaction, user.user_id, passwordHash);
    await verifyEmail(transaction, user.user_id, this.#clock());
    await deleteUnusedRecoveries(transaction, user.user_id);
    await deleteEmailChange(transaction, user.user_id);
    await this.#clients.forgetOthers(transaction, user.user_id, client.address);
    await this.#credentials.unlock(transaction, user, client);
    await this.#endOtherSessions(transaction, user.user_id, sessionId);
    await this.#notices.send(transaction, user.email, 'password_recovered');
  }

  async #findOwner(tx: Transaction, recoveryId: Uint8Array | null, { suite }: ClientInfo): Promise<User> {
    const recovery = recoveryId && (await findConfirmedRecovery(tx, recoveryId, this.#clock()));
    const user = recovery?.user_id && (await findUserById(tx, recovery.user_id));
    if (!user || suite < user.min_suite) throw new Problem('no_recovery');
    return user;
  }

  /**
   * Known clients share a limit of their own, which strangers cannot use up. It is that of the mailbox, too: anyone can have many
   * accounts with tags, and a known client of each.
   *
   * @returns false if no email is to be sent
   */
  async #countMail(
    tx: Transaction,
    { client, group, isKnown }: AttemptSubjects,
    emailKey: string,
    user: User | undefined,
  ): Promise<boolean> {
    const { ofClient, ofGroup } = this.#limits.mails;
    const ofMailbox = isKnown ? `known clients\0${noticeSubject(emailKey)}` : group;
    if (!(await ofClient.spend(tx, client)) || !(await ofGroup.spend(tx, ofMailbox))) return false;
    return this.#countMailOfMailbox(tx, emailKey, user);
  }

  async #countMailWithoutSharedCode(tx: Transaction, emailKey: string, user: User | undefined): Promise<boolean> {
    const isWithinLimit = await this.#limits.mails.withoutSharedCode.spend(
      tx,
      limitSubject(noticeSubject(emailKey), user),
    );
    return isWithinLimit && this.#countMailOfMailbox(tx, emailKey, user);
  }

  /** Bounds the emails of all clients to all addresses of a mailbox. Those with a tag leave half to the one without. */
  async #countMailOfMailbox(tx: Transaction, emailKey: string, user: User | undefined): Promise<boolean> {
    const { ofTags, ofMailbox } = this.#limits.mails;
    const mailbox = mailboxOf(emailKey);
    const subject = limitSubject(mailbox, user);
    return (mailbox === emailKey || (await ofTags.spend(tx, subject))) && ofMailbox.spend(tx, subject);
  }

  /**
   * Counts a try per client and per account. It is not counted per code: a stranger who shares a code would use up the tries of
   * its owner.
   *
   * @throws Problem `too_many_requests`
   */
  async #countTry(tx: Transaction, { client_key, group_key }: Recovery): Promise<void> {
    // A version that did not count them created the recovery.
    if (!client_key || !group_key) return;
    const { ofClient, ofGroup } = this.#limits.tries;
    if ((await ofClient.spend(tx, client_key)) && (await ofGroup.spend(tx, group_key))) return;
    throw new Problem('too_many_requests', { retryAfterSeconds: ofClient.retryAfterSeconds });
  }

  #hashCode(codeId: Uint8Array, code: string): Uint8Array {
    return hmac(this.#codeKey, codeId, code);
  }

  #hashEmail(emailKey: string): Uint8Array {
    return hmac(this.#codeKey, 'email address\0', emailKey);
  }
}

/** Only emails to accounts are counted: strangers cannot use up a limit with addresses that have none. */
function limitSubject(mailbox: string, user: User | undefined): string {
  return user ? mailbox : `no user\0${mailbox}`;
}

export function randomCode(): string {
  return Array.from({ length: CODE_LENGTH }, () => CODE_ALPHABET[randomInt(CODE_ALPHABET.length)]).join('');
}
