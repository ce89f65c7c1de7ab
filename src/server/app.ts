import { randomInt } from 'node:crypto';
import type { Logger } from 'pino';
import { createAccounts } from './accounts/accounts.ts';
import { createCredentials, LOCK_RULE } from './accounts/credentials.ts';
import { lowerHashingPriority } from './accounts/hashingThreads.ts';
import { createPasswordHasher, type PasswordHasher } from './accounts/passwordHasher.ts';
import { createRecoveryRules } from './accounts/recovery.ts';
import { createHandlers } from './api/handlers.ts';
import type { Config } from './config/config.ts';
import { createHttpServer } from './http/server.ts';
import { fingerprintOf, type Identity, loadIdentity } from './keyring/identity.ts';
import { createKemKeys, type KemKeys } from './keyring/kemKeys.ts';
import {
  bindMasterKey,
  createMasterKey,
  loadMasterKeyFile,
  type MasterKey,
  requireMasterKeyFile,
} from './keyring/masterKey.ts';
import { createUserKeyring } from './keyring/userKeys.ts';
import { addressSubject } from './limits/clientAddress.ts';
import { createRateLimiter, type RateLimit, type RateLimitCheck } from './limits/rateLimiter.ts';
import { errorFields } from './log.ts';
import { createLocalMailbox } from './mail/localMailbox.ts';
import { createOutbox, type Outbox } from './mail/outbox.ts';
import { createSmtpTransport } from './mail/smtp.ts';
import { createMessages } from './messages/messages.ts';
import { Exchange } from './sessions/exchange.ts';
import type { Handlers } from './sessions/handler.ts';
import { UserSessions } from './sessions/list.ts';
import { suite1 } from './sessions/suites/suite1.ts';
import { introductionOf, Suite2, UNUSED_SESSION_TIMEOUT_MS } from './sessions/suites/suite2/suite2.ts';
import type { ExpiryTimes } from './store/expiry.ts';
import { openStore } from './store/open.ts';
import { probeWrite } from './store/probe.ts';

import type { Store } from './store/store.ts';
import { createSweeper } from './store/sweeper.ts';
import { deleteOtherSessionsOfUser } from './store/userSessions.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** How long a client that comes back too late is told that its session ended, rather than that there is none. */
const EXPIRED_SESSION_MEMORY = HOUR;
/**
 * A mail is made and sent some time after the answer, in milliseconds: a request right after it must not take longer for
 * an address that has an account than for one that has none.
 */
const MIN_MAIL_DELAY = 200;
const MAIL_DELAY_SPREAD = 800;
/** How long stopping waits for requests in flight. */
const STOP_TIMEOUT = 10_000;

export interface AppOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
  /** The time in milliseconds since 1970. */
  readonly clock?: () => number;
}

/** A server, ready to listen. */
export interface App {
  /** Where the data lies, for people. */
  readonly location: string;
  /** What clients pin: the identity of the server in base64url. */
  readonly fingerprint: string;
  /** @returns the address that it listens on, as a URL */
  listen(): Promise<string>;
  /** Finishes what is in flight, refuses new work and closes everything. */
  stop(): Promise<void>;
}

/**
 * Opens the database, making it if it is missing, and checks that the master key is the one it was made with.
 *
 * @throws WrongMasterKeyError if it is not
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
  if ('bytes' in source) return createMasterKey(source.bytes);
  await requireMasterKeyFile(store, source.file);
  return createMasterKey(loadMasterKeyFile(source.file).bytes);
}

/** What the rules stand on; a test may hand in others than {@link createApp}. */
export interface CoreDependencies {
  readonly config: Pick<Config, 'rates' | 'maxTextBytes' | 'sessionIdleTime' | 'acceptsSuite1' | 'downgradeProtection'>;
  readonly store: Store;
  readonly masterKey: MasterKey;
  readonly identity: Identity;
  readonly hasher: PasswordHasher;
  readonly outbox: Pick<Outbox, 'enqueue' | 'enqueueDecoy'>;
  readonly clock: () => number;
}

/** All that the server does, whichever way requests come in. */
export interface Core {
  readonly exchange: Exchange;
  readonly handlers: Handlers;
  readonly checkHandshakeRate: RateLimitCheck;
  readonly kemKeys: KemKeys;
}

/** Puts the rules together, without listening or sending anything. */
export function createCore(dependencies: CoreDependencies): Core {
  const { config, store, masterKey, identity, hasher, outbox, clock } = dependencies;
  const { rates } = config;
  const limiter = createRateLimiter(masterKey.derive('vws rate counters'), clock);
  const limit = (name: string, max: number, window: number): RateLimitCheck => {
    const rule: RateLimit = { name, max, window };
    return (tx, subject) => limiter.consume(tx, rule, subject);
  };

  const keyring = createUserKeyring(masterKey);
  const credentials = createCredentials({
    store,
    hasher,
    attemptsKey: masterKey.derive('vws login attempts'),
    clock,
  });
  const accounts = createAccounts({
    store,
    hasher,
    credentials,
    createUserKey: keyring.createKey,
    endOtherSessions: deleteOtherSessionsOfUser,
    downgradeProtection: config.downgradeProtection,
    clock,
  });
  const recovery = createRecoveryRules({
    store,
    hasher,
    credentials,
    outbox,
    limitMails: limit('recovery mails', rates.recoveryMailsPerHour, HOUR),
    endOtherSessions: deleteOtherSessionsOfUser,
    codeKey: masterKey.derive('vws recovery codes'),
    clock,
  });
  const messages = createMessages({
    keyring,
    findRecipient: accounts.findByUsername,
    maxTextBytes: config.maxTextBytes,
    clock,
  });
  const kemKeys = createKemKeys(masterKey, identity, clock);
  const suite2 = new Suite2({ kemKeys, idleTimeoutMs: config.sessionIdleTime, clock });
  const exchange = new Exchange({
    store,
    suites: { 2: suite2, ...(config.acceptsSuite1 && { 1: suite1 }) },
    keyEncryptionKey: masterKey.derive('vws session steps'),
    idleTimeoutMs: config.sessionIdleTime,
    clock,
  });
  const handlers = createHandlers({
    accounts,
    recovery,
    messages,
    sessions: new UserSessions(config.sessionIdleTime, clock),
    checkRateLimit: {
      registration: limit('registrations', rates.registrationsPerMinute, MINUTE),
      passwordCheck: limit('password checks', rates.loginsPerMinute, MINUTE),
      recovery: limit('recoveries', rates.recoveriesPerMinute, MINUTE),
    },
  });
  return { exchange, handlers, kemKeys, checkHandshakeRate: limit('handshakes', rates.handshakesPerMinute, MINUTE) };
}

/** Puts the parts together. */
export async function createApp({ config, log, version, clock = Date.now }: AppOptions): Promise<App> {
  const { store, masterKey } = await openDatabase(config, clock);
  const identity = await loadIdentity(store, masterKey, config.identityKey, clock());
  const hasher = await createPasswordHasher({
    pepper: masterKey.derive('vws password pepper'),
    cost: config.hash,
    queueLimit: config.hash.queueLimit,
  });
  lowerHashingPriority();
  const outbox = createOutbox({
    store,
    sealingKey: masterKey.derive('vws outbox'),
    transport: config.smtp ? createSmtpTransport(config.smtp, log) : createLocalMailbox(config.mailboxFolder, log),
    settings: config.mail,
    firstAttemptDelay: () => MIN_MAIL_DELAY + randomInt(MAIL_DELAY_SPREAD),
    log,
    clock,
  });
  const core = createCore({ config, store, masterKey, identity, hasher, outbox, clock });
  const http = await createHttpServer({
    ...core,
    describeServer: async () => {
      const key = await store.transaction((tx) => core.kemKeys.current(tx));
      return { suites: config.acceptsSuite1 ? [1, 2] : [2], ...introductionOf(key) };
    },
    addressSubject,
    checkReady: () => store.transaction(probeWrite),
    version,
    maxTextBytes: config.maxTextBytes,
    maxConnections: config.maxConnections,
    trustedProxies: config.trustedProxies,
    corsOrigins: config.corsOrigins,
    log,
  });
  const sweeper = createSweeper(store, expiryTimes(config), clock, (error) =>
    log.error({ error: errorFields(error) }, 'removing expired rows failed'),
  );

  return {
    location: store.location,
    fingerprint: fingerprintOf(identity),
    async listen() {
      const url = await http.listen({ host: config.host, port: config.port });
      outbox.start();
      sweeper.start();
      return url;
    },
    async stop() {
      const overdue = setTimeout(() => http.server.closeAllConnections(), STOP_TIMEOUT);
      await http.close();
      clearTimeout(overdue);
      await outbox.stop();
      await sweeper.stop();
      await store.close();
    },
  };
}

/** What the sweeper removes, from the time at which it does. */
export function expiryTimes({ sessionIdleTime }: Pick<Config, 'sessionIdleTime'>): (now: number) => ExpiryTimes {
  return (now) => ({
    sessionsUnusedSince: now - sessionIdleTime - EXPIRED_SESSION_MEMORY,
    handshakesUnusedSince: now - UNUSED_SESSION_TIMEOUT_MS,
    requestLocksExpiredBy: now,
    recoveriesEndedBy: now,
    loginAttemptsBefore: now - LOCK_RULE.memory,
    rateWindowsBefore: now - HOUR,
    kemKeysEndedBy: now,
  });
}
