// The modules of accounts on a real database, with cheap hashes and a clock that tests control.
import { randomBytes } from 'node:crypto';
import { isSealedResponse, Problem, type ProblemCode } from '../../src/protocol/problems.ts';
import { Accounts, type EndOtherSessions } from '../../src/server/accounts/accounts.ts';
import { Credentials } from '../../src/server/accounts/credentials.ts';
import { AccountDeletion } from '../../src/server/accounts/deletion.ts';
import { type EmailChangeDependencies, EmailChanges } from '../../src/server/accounts/emailChange.ts';
import { type ClientInfo, KnownClients } from '../../src/server/accounts/knownClients.ts';
import { Notices, type NoticesDependencies } from '../../src/server/accounts/notices.ts';
import { PasswordHasher, type PasswordHashing } from '../../src/server/accounts/passwordHasher.ts';
import { PendingRegistrations } from '../../src/server/accounts/pendingRegistrations.ts';
import { MAX_TRIES, RecoveryRules } from '../../src/server/accounts/recovery.ts';
import { Invites, type RegistrationMode } from '../../src/server/accounts/registration.ts';
import { networkOf } from '../../src/server/limits/clientAddress.ts';
import { createLoginBudgets } from '../../src/server/limits/loginBudgets.ts';
import type { CodeMail, NoticeMail } from '../../src/server/store/outbox.ts';
import type { Store, Transaction } from '../../src/server/store/store.ts';
import { createFakeTime, type FakeTime } from './fakeTime.ts';

const PEPPER = randomBytes(32);
/** The minimum of Argon2. */
const CHEAPEST = { memory: 8, iterations: 1 };

/** The client that tests use where it does not matter. */
export const CLIENT: ClientInfo = { address: '192.0.2.1', suite: 1 };
/** The place of tests in the hashing queue. */
export const PLACE = { lane: 'test', isPreferred: false };

export function createTestHasher({
  cost = CHEAPEST,
  queueLimit = 1_000,
  concurrency = 4,
} = {}): Promise<PasswordHasher> {
  return PasswordHasher.create({ pepper: PEPPER, cost, queueLimit, concurrency });
}

export interface AccountsHarness {
  readonly store: Store;
  readonly time: FakeTime;
  readonly hasher: PasswordHashing;
  readonly credentials: Credentials;
  readonly clients: KnownClients;
  readonly budgets: ReturnType<typeof createLoginBudgets>;
  readonly accounts: Accounts;
  readonly recovery: RecoveryRules;
  readonly invites: Invites;
  readonly registrations: PendingRegistrations;
  readonly emailChanges: EmailChanges;
  readonly deletion: AccountDeletion;
  /** Mails with codes that were sent, and expiry times of its decoys. */
  readonly mails: CodeMail[];
  readonly decoys: number[];
  /** Notices to users. */
  readonly notices: NoticeMail[];
  /** Users whose other sessions were ended, with the remaining session. */
  readonly endedSessions: { readonly userId: Uint8Array; readonly exceptSessionId: Uint8Array }[];
  /** Runs `work` in a transaction like a request: see {@link transact}. */
  transact<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** @returns the new user's id */
  register(username: string, email: string, password: string, suite?: number): Promise<Uint8Array>;
  /** @returns the user's id */
  logIn(email: string, password: string, suite?: number): Promise<Uint8Array>;
  /** Logs in with every property of the client. @returns the device token */
  logInWith(email: string, password: string, client: Partial<ClientInfo>): Promise<string | undefined>;
}

export interface AccountsHarnessOptions {
  readonly hasher?: PasswordHashing;
  readonly rates?: Partial<typeof NO_LIMITS>;
  readonly downgradeProtection?: boolean;
  readonly noticeLimits?: Partial<NoticesDependencies['limits']>;
  readonly renamesPerMonth?: number;
  readonly registration?: RegistrationMode;
  /** 32 bytes, shared by the processes of one database. */
  readonly attemptsKey?: Uint8Array;
  /** Of emails that confirm a new address. */
  readonly limitMails?: EmailChangeDependencies['limitMails'];
}

const NO_LIMIT = 1_000_000;
const NO_LIMITS = { failedLoginsPerMinute: NO_LIMIT, failedLoginsPerDay: NO_LIMIT, recoveryMailsPerHour: NO_LIMIT };

export async function createAccountsHarness(
  store: Store,
  options: AccountsHarnessOptions = {},
): Promise<AccountsHarness> {
  const { hasher = await createTestHasher(), downgradeProtection = false, renamesPerMonth = 100 } = options;
  const { limitMails = async () => {}, attemptsKey = randomBytes(32) } = options;
  const time = createFakeTime();
  const { clock } = time;
  const mails: CodeMail[] = [];
  const decoys: number[] = [];
  const notices: NoticeMail[] = [];
  const endedSessions: AccountsHarness['endedSessions'] = [];
  // Recorded after the commit, because a transaction may run again.
  const endOtherSessions: EndOtherSessions = async (tx, userId, exceptSessionId) =>
    tx.afterCommit(() => endedSessions.push({ userId, exceptSessionId }));
  const outbox = {
    enqueue: async (tx: Transaction, mail: CodeMail) => tx.afterCommit(() => mails.push(mail)),
    enqueueEmailChange: async (tx: Transaction, mail: CodeMail) => tx.afterCommit(() => mails.push(mail)),
    enqueueRegistration: async (tx: Transaction, mail: CodeMail) => tx.afterCommit(() => mails.push(mail)),
    enqueueNotice: async (tx: Transaction, mail: NoticeMail) => tx.afterCommit(() => notices.push(mail)),
    enqueueDecoy: async (tx: Transaction, expiresAt: number) => tx.afterCommit(() => decoys.push(expiresAt)),
  };
  const clients = new KnownClients(attemptsKey, networkOf, clock);
  const budgets = createLoginBudgets({ ...NO_LIMITS, ...options.rates }, MAX_TRIES, randomBytes(32), clock);
  const noLimit = async () => true;
  const noticeLimits = {
    ...{ locks: noLimit, logins: noLimit, summaries: noLimit, changes: noLimit, changeSummaries: noLimit },
    ...options.noticeLimits,
  };
  const noticeRules = new Notices({ outbox, limits: noticeLimits, clock });
  const credentials = new Credentials({
    ...{ store, hasher, clients, failures: budgets.failures, attemptsKey, clock },
    reportLock: (tx, emailKey, user) => noticeRules.reportLock(tx, emailKey, user),
  });
  const createUserKey = async () => {};
  const accounts = new Accounts({
    ...{ store, hasher, credentials, clients, createUserKey, endOtherSessions },
    ...{ downgradeProtection, renamesPerMonth, clock },
    notices: noticeRules,
  });
  const codeKey = randomBytes(32);
  const recovery = new RecoveryRules({
    ...{ store, hasher, credentials, clients, limits: budgets.recovery, outbox, endOtherSessions, codeKey, clock },
    notices: noticeRules,
  });
  const invites = new Invites({ store, mode: options.registration ?? 'open', codeKey, clock });
  const registrations = new PendingRegistrations({
    ...{ accounts, invites, clients, outbox, notices: noticeRules, mails: budgets.registrationMails },
    ...{ codeKey, sealingKey: randomBytes(32), clock },
  });
  const emailChanges = new EmailChanges({
    ...{ store, credentials, outbox, notices: noticeRules, codeKey, limitMails, clock },
  });
  const deletion = new AccountDeletion({ store, credentials, endOtherSessions, clock });

  const harness: AccountsHarness = {
    ...{
      store,
      time,
      hasher,
      credentials,
      clients,
      budgets,
      accounts,
      recovery,
      invites,
      registrations,
      emailChanges,
      deletion,
      mails,
      decoys,
      notices,
      endedSessions,
    },
    transact: (work) => transact(store, work),
    async register(username, email, password, suite = 1) {
      const prepared = await accounts.prepareRegistration(username, email, password, { ...CLIENT, suite });
      return harness.transact((tx) => accounts.register(tx, prepared, suite));
    },
    async logIn(email, password, suite = 1) {
      const verified = await accounts.prepareLogin(email, password, { ...CLIENT, suite });
      return harness.transact((tx) => accounts.logIn(tx, verified, { ...CLIENT, suite }));
    },
    async logInWith(email, password, properties) {
      const client = { ...CLIENT, suite: 2, ...properties };
      const verified = await accounts.prepareLogin(email, password, client);
      return harness.transact(async (tx) =>
        accounts.rememberClient(tx, await accounts.logIn(tx, verified, client), client),
      );
    },
  };
  return harness;
}

/** Runs `work` like a request: its writes before a thrown problem that is an answer are committed. */
export async function transact<T>(store: Store, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  const outcome = await store.transaction(async (transaction) => {
    try {
      return { value: await work(transaction) };
    } catch (error) {
      if (error instanceof Problem && isSealedResponse(error)) return { problem: error };
      throw error;
    }
  });
  if ('problem' in outcome) throw outcome.problem;
  return outcome.value;
}

/** Returns the code of the problem that `work` rejects with, or done. */
export async function outcomeOf(work: Promise<unknown>): Promise<'done' | ProblemCode> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}
