// Composition: creates the parts of the server and connects them.
import type { Feature } from '../protocol/endpoints.ts';
import { Accounts } from './accounts/accounts.ts';
import { claimEarlierNames } from './accounts/claimNames.ts';
import { Credentials } from './accounts/credentials.ts';
import { AccountDeletion } from './accounts/deletion.ts';
import { EmailChanges } from './accounts/emailChange.ts';
import { lowerHashingPriority } from './accounts/hashingThreads.ts';
import { KnownClients } from './accounts/knownClients.ts';
import { type NoticeLimit, Notices } from './accounts/notices.ts';
import { PasswordHasher, type PasswordHashing } from './accounts/passwordHasher.ts';
import { PendingRegistrations } from './accounts/pendingRegistrations.ts';
import { MAX_TRIES, RecoveryRules } from './accounts/recovery.ts';
import { Invites } from './accounts/registration.ts';
import { createHandlers } from './api/handlers.ts';
import type { Config } from './config/config.ts';
import { expiryTimes } from './config/retention.ts';
import { createHttpServer } from './http/server.ts';
import { EpochFile } from './keyring/epochFile.ts';
import { EpochKeys } from './keyring/epochKeys.ts';
import { EpochRotation } from './keyring/epochRotation.ts';
import { fingerprintOf, type Identity, loadIdentity } from './keyring/identity.ts';
import { KemKeys } from './keyring/kemKeys.ts';
import { bindMasterKey, loadMasterKeyFile, MasterKey, requireMasterKeyFile } from './keyring/masterKey.ts';
import { UserKeyring } from './keyring/userKeys.ts';
import { addressSubject, networkOf } from './limits/clientAddress.ts';
import { createLoginBudgets } from './limits/loginBudgets.ts';
import { type RateLimitCheck, RateLimiter } from './limits/rateLimiter.ts';
import { UnknownSessions } from './limits/unknownSessions.ts';
import { errorFields, type Logger } from './log.ts';
import { createOutbox } from './mail/createOutbox.ts';
import type { Outbox } from './mail/outbox.ts';
import { createSpaceBudget } from './messages/byteBudget.ts';
import { Messages } from './messages/messages.ts';
import { ShortCiphertexts } from './messages/shortCiphertexts.ts';
import { TokenMessages } from './messages/tokenMessages.ts';
import { Exchange } from './sessions/exchange.ts';
import type { Handlers } from './sessions/handler.ts';
import { UserSessions } from './sessions/list.ts';
import { suite1 } from './sessions/suites/suite1.ts';
import { introductionOf, Suite2 } from './sessions/suites/suite2/suite2.ts';
import { openStore } from './store/open.ts';
import { probeWrite } from './store/probe.ts';
import type { Store, Transaction } from './store/store.ts';
import { Sweeper } from './store/sweeper.ts';
import { deleteOtherSessionsOfUser } from './store/userSessions.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Notices of locks and logins to one mailbox in a day. */
const MAX_LOCK_NOTICES = 3;
const MAX_LOGIN_NOTICES = 10;
/** Notices of one kind of change to one mailbox in a day. */
const MAX_CHANGE_NOTICES = 5;
/** Maximum time that stopping waits for requests in progress. */
const STOP_TIMEOUT_MS = 10_000;

export interface AppOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

/** A server, ready to listen. */
export interface App {
  /** Location of the data, for people. */
  readonly location: string;
  /** The identity of the server that clients pin, in base64url. */
  readonly fingerprint: string;
  /** @returns the URL that the server listens on */
  listen(): Promise<string>;
  /** Finishes requests in progress, rejects new ones and closes everything. */
  stop(): Promise<void>;
}

/** Creates the server. Nothing listens and no email is sent before {@link App.listen}. */
export async function createApp({ config, log, version, clock = Date.now }: AppOptions): Promise<App> {
  const { store, masterKey } = await openDatabase(config, clock);
  await claimEarlierNames(store);
  const identity = await loadIdentity(store, masterKey, config.identityKey, clock());
  const hasher = await PasswordHasher.create({
    pepper: masterKey.derive('vws password pepper'),
    cost: config.hash,
    queueLimit: config.hash.queueLimit,
  });
  lowerHashingPriority();
  const outbox = createOutbox(config, {
    store,
    sealingKey: masterKey.derive('vws outbox'),
    settings: config.mail,
    log,
    clock,
  });
  const epochs = createEpochs({ config, store, log, clock });
  const core = createCore({ config, store, masterKey, epochKeys: epochs.keys, identity, hasher, outbox, clock });
  const http = await createHttpServer({
    ...core,
    describeServer: () => describeServer(config, store, core.kemKeys),
    allowsInsecureSuite1: config.allowsInsecureSuite1,
    addressSubject,
    unknownSessions: new UnknownSessions(config.rates.unknownSessionsPerMinute),
    checkReady: () => store.transaction(probeWrite),
    version,
    config,
    log,
  });
  const sweeper = new Sweeper(store, expiryTimes(config), clock, {
    error: (error) => log.error({ error: errorFields(error) }, 'deleting expired rows failed'),
    stuckLog: () => log.warn({}, 'other processes keep erased messages in the write-ahead log of the database'),
  });

  return {
    location: store.location,
    fingerprint: fingerprintOf(identity),
    async listen() {
      const url = await http.listen({ host: config.host, port: config.port });
      outbox.start();
      sweeper.start();
      epochs.rotation?.start();
      return url;
    },
    async stop() {
      const overdue = setTimeout(() => http.server.closeAllConnections(), STOP_TIMEOUT_MS);
      await http.close();
      clearTimeout(overdue);
      await outbox.stop();
      await sweeper.stop();
      await epochs.rotation?.stop();
      await store.close();
    },
  };
}

/**
 * Opens the database, creating it if it is missing, and checks that it belongs to the master key.
 *
 * @throws WrongMasterKeyError if it belongs to another one
 */
export async function openDatabase(
  config: Pick<Config, 'database' | 'masterKey'>,
  clock: () => number = Date.now,
): Promise<{ store: Store; masterKey: MasterKey }> {
  const store = await openStore(config.database, clock());
  try {
    const masterKey = await loadMasterKey(store, config.masterKey);
    await bindMasterKey(store, masterKey, clock());
    return { store, masterKey };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function loadMasterKey(store: Store, source: Config['masterKey']): Promise<MasterKey> {
  if ('bytes' in source) return new MasterKey(source.bytes);
  await requireMasterKeyFile(store, source.file);
  return new MasterKey(loadMasterKeyFile(source.file).bytes);
}

/** Dependencies of the core; tests pass other implementations than {@link createApp}. */
export interface CoreDependencies {
  readonly config: Pick<
    Config,
    | 'rates'
    | 'maxTextBytes'
    | 'messages'
    | 'sessionIdleMs'
    | 'sessionMaxAgeMs'
    | 'acceptsSuite1'
    | 'downgradeProtection'
    | 'registration'
  >;
  readonly store: Store;
  readonly masterKey: MasterKey;
  readonly epochKeys: EpochKeys;
  readonly identity: Identity;
  readonly hasher: PasswordHashing;
  readonly outbox: Pick<
    Outbox,
    'enqueue' | 'enqueueEmailChange' | 'enqueueRegistration' | 'enqueueNotice' | 'enqueueDecoy'
  >;
  readonly clock: () => number;
}

/** The server without its transport. */
export interface Core {
  readonly exchange: Exchange;
  readonly handlers: Handlers;
  readonly checkHandshakeRate: RateLimitCheck;
  readonly kemKeys: KemKeys;
  /** Capabilities of the server. */
  readonly features: readonly Feature[];
}

/** Creates everything between the transport and the store. */
export function createCore(dependencies: CoreDependencies): Core {
  const { config, store, masterKey, epochKeys, identity, clock } = dependencies;
  const limits = createRateLimits(dependencies);
  const kemKeys = new KemKeys(masterKey, epochKeys, identity, clock);
  const features = featuresOf(config);
  const suite2 = new Suite2({ kemKeys, idleTimeoutMs: config.sessionIdleMs, features, clock });
  return {
    exchange: new Exchange({
      store,
      suites: { 2: suite2, ...(config.acceptsSuite1 && { 1: suite1 }) },
      keyEncryptionKey: masterKey.derive('vws session steps'),
      epochKeys,
      lifetime: { idleTimeoutMs: config.sessionIdleMs, maxAgeMs: config.sessionMaxAgeMs },
      clock,
    }),
    handlers: createHandlers({
      ...createRules(dependencies, limits),
      sessions: new UserSessions(config.sessionIdleMs, clock),
      checkRateLimit: limits,
    }),
    checkHandshakeRate: limits.handshakes,
    kemKeys,
    features,
  };
}

function createRateLimits({ config: { rates }, masterKey, clock }: CoreDependencies) {
  const limiter = new RateLimiter(masterKey.derive('vws rate counters'), clock);
  const limit = (name: string, max: number, windowMs: number): RateLimitCheck => {
    const rule = { name, max, windowMs };
    return (tx, subject) => limiter.consume(tx, rule, subject);
  };
  const noticeLimit = (name: string, max: number): NoticeLimit => {
    const rule = { name, max, windowMs: DAY_MS };
    return (tx, subject) => limiter.tryConsume(tx, rule, subject);
  };
  const registrationsPerMinute = limit('registrations', rates.registrationsPerMinute, MINUTE_MS);
  const registrationsPerHour = limit('registrations in an hour', rates.registrationsPerHour, HOUR_MS);
  return {
    handshakes: limit('handshakes', rates.handshakesPerMinute, MINUTE_MS),
    registration: async (tx: Transaction, address: string) => {
      await registrationsPerMinute(tx, address);
      await registrationsPerHour(tx, address);
    },
    passwordCheck: limit('password checks', rates.loginsPerMinute, MINUTE_MS),
    recovery: limit('recoveries', rates.recoveriesPerMinute, MINUTE_MS),
    mails: limit('mails', rates.mailsPerHour, HOUR_MS),
    messages: limit('messages', rates.messagesPerMinute, MINUTE_MS),
    emailChangeMails: limit('recovery mails', rates.recoveryMailsPerHour, HOUR_MS),
    notices: {
      locks: noticeLimit('lock notices', MAX_LOCK_NOTICES),
      logins: noticeLimit('login notices', MAX_LOGIN_NOTICES),
      summaries: noticeLimit('login summaries', 1),
      changes: noticeLimit('change notices', MAX_CHANGE_NOTICES),
      changeSummaries: noticeLimit('change summaries', 1),
    },
  };
}

/** Creates the domain modules that the handlers call. */
function createRules(dependencies: CoreDependencies, limits: ReturnType<typeof createRateLimits>) {
  const { config, store, masterKey, hasher, outbox, clock } = dependencies;
  const keyring = new UserKeyring(masterKey);
  const notices = new Notices({ outbox, limits: limits.notices, clock });
  const attemptsKey = masterKey.derive('vws login attempts');
  const clients = new KnownClients(attemptsKey, networkOf, clock);
  const budgets = createLoginBudgets(config.rates, MAX_TRIES, masterKey.derive('vws budgets'), clock);
  const credentials = new Credentials({
    store,
    hasher,
    clients,
    failures: budgets.failures,
    attemptsKey,
    reportLock: (tx, emailKey, user) => notices.reportLock(tx, emailKey, user),
    clock,
  });
  const accounts = new Accounts({
    store,
    hasher,
    credentials,
    clients,
    createUserKey: (tx, userId, now) => keyring.createKey(tx, userId, now),
    endOtherSessions: deleteOtherSessionsOfUser,
    notices,
    downgradeProtection: config.downgradeProtection,
    renamesPerMonth: config.rates.renamesPerMonth,
    clock,
  });
  const invites = new Invites({
    store,
    mode: config.registration,
    codeKey: masterKey.derive('vws invites'),
    clock,
  });
  const registrations = new PendingRegistrations({
    accounts,
    invites,
    clients,
    outbox,
    notices,
    mails: budgets.registrationMails,
    codeKey: masterKey.derive('vws recovery codes'),
    sealingKey: masterKey.derive('vws pending registrations'),
    clock,
  });
  const recovery = new RecoveryRules({
    store,
    hasher,
    credentials,
    outbox,
    notices,
    clients,
    limits: budgets.recovery,
    endOtherSessions: deleteOtherSessionsOfUser,
    codeKey: masterKey.derive('vws recovery codes'),
    clock,
  });
  const emailChanges = new EmailChanges({
    store,
    credentials,
    outbox,
    notices,
    limitMails: limits.emailChangeMails,
    codeKey: masterKey.derive('vws recovery codes'),
    clock,
  });
  const deletion = new AccountDeletion({ store, credentials, endOtherSessions: deleteOtherSessionsOfUser, clock });
  const reserveSpace = createSpaceBudget(config.messages.storeMaxBytes, clock);
  const shortCiphertexts = new ShortCiphertexts({
    keyring,
    isEnabled: config.messages.shortCiphertexts,
    quotaBytes: config.messages.shortQuotaBytes,
    reserveSpace,
    clock,
  });
  const messages = new Messages({
    keyring,
    shortCiphertexts,
    findRecipient: (tx, username) => accounts.findByUsername(tx, username),
    maxTextBytes: config.maxTextBytes,
    clock,
  });
  const tokenMessages = new TokenMessages({
    keyring,
    findRecipient: (tx, username) => accounts.findByUsername(tx, username),
    limits: config.messages,
    reserveSpace,
    maxTextBytes: config.maxTextBytes,
    sessionIdleMs: config.sessionIdleMs,
    clock,
  });
  return {
    accounts,
    clients,
    invites,
    registrations,
    recovery,
    emailChanges,
    deletion,
    notices,
    messages,
    tokenMessages,
  };
}

interface EpochDependencies {
  readonly config: Pick<Config, 'epochFile' | 'epochMs'>;
  readonly store: Store;
  readonly log: Logger;
  readonly clock: () => number;
}

function createEpochs({ config: { epochFile, epochMs }, store, log, clock }: EpochDependencies) {
  if (epochFile === undefined) return { keys: new EpochKeys(undefined) };
  const file = new EpochFile(epochFile, clock());
  const keys = new EpochKeys(file);
  const onError = (error: unknown) => log.error({ error: errorFields(error) }, 'changing the epoch key failed');
  return { keys, rotation: new EpochRotation({ store, file, keys, epochMs, clock, onError }) };
}

function featuresOf({ messages }: Pick<Config, 'messages'>): Feature[] {
  return messages.acceptsTokenMessages ? ['token-messages'] : [];
}

type DescribedConfig = Pick<Config, 'acceptsSuite1' | 'messages' | 'maxTextBytes'>;

/** @returns the suites, the current KEM key and hints about messages, as clients get them before a handshake */
async function describeServer(config: DescribedConfig, store: Store, kemKeys: KemKeys) {
  const { acceptsSuite1, messages, maxTextBytes } = config;
  const key = await store.transaction((tx) => kemKeys.current(tx));
  return {
    suites: acceptsSuite1 ? [1, 2] : [2],
    ...introductionOf(key),
    features: featuresOf(config),
    limits: {
      max_days: messages.maxDays,
      default_days: messages.defaultDays,
      max_text_bytes: maxTextBytes,
      backup_days: messages.backupDays ?? null,
    },
  };
}
