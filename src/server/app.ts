import { sql } from 'kysely';
import type { Logger } from 'pino';
import { createAccounts } from './accounts/accounts.ts';
import { createCredentials, LOCK_RULE } from './accounts/credentials.ts';
import { createPasswordHasher } from './accounts/passwordHasher.ts';
import { createRecoveryRules } from './accounts/recovery.ts';
import type { Config } from './config.ts';
import { errorFields } from './http/errorFields.ts';
import { createSealedRoutes } from './http/handlers.ts';
import { createHttpServer } from './http/server.ts';
import { bindMasterKey, createMasterKey, loadMasterKeyFile, type MasterKey } from './keyring/masterKey.ts';
import { createUserKeyring } from './keyring/userKeys.ts';
import { addressSubject } from './limits/clientAddress.ts';
import { createRateLimiter, type RateLimit } from './limits/rateLimiter.ts';
import { createLocalMailbox } from './mail/localMailbox.ts';
import { createOutbox } from './mail/outbox.ts';
import { createSmtpTransport } from './mail/smtp.ts';
import { createMessages } from './messages/messages.ts';
import { createExchange } from './sessions/exchange.ts';
import { suite1 } from './sessions/suite1.ts';
import type { ExpiryTimes } from './store/expiry.ts';
import { openStore } from './store/open.ts';
import { deleteOtherSessionsOfUser } from './store/sessionSteps.ts';
import type { Store, Transaction } from './store/store.ts';
import { createSweeper } from './store/sweeper.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** How long a client that comes back too late is told that its session ended, rather than that there is none. */
const EXPIRED_SESSION_MEMORY = HOUR;
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
  const masterKey = createMasterKey(
    'bytes' in config.masterKey ? config.masterKey.bytes : loadMasterKeyFile(config.masterKey.file).bytes,
  );
  const store = await openStore(config.database, clock());
  try {
    await bindMasterKey(store, masterKey, clock());
  } catch (error) {
    await store.close();
    throw error;
  }
  return { store, masterKey };
}

/** Puts the parts together. */
export async function createApp({ config, log, version, clock = Date.now }: AppOptions): Promise<App> {
  const { store, masterKey } = await openDatabase(config, clock);
  const { rates } = config;

  const limiter = createRateLimiter(masterKey.derive('vws rate counters'), clock);
  const limit = (name: string, max: number, window: number) => {
    const rule: RateLimit = { name, max, window };
    return (tx: Transaction, subject: string) => limiter.consume(tx, rule, subject);
  };

  const keyring = createUserKeyring(masterKey);
  const hasher = await createPasswordHasher({
    pepper: masterKey.derive('vws password pepper'),
    cost: config.hash,
    queueLimit: config.hash.queueLimit,
  });
  const credentials = createCredentials({
    store,
    hasher,
    attemptsKey: masterKey.derive('vws login attempts'),
    clock,
  });
  const outbox = createOutbox({
    store,
    sealingKey: masterKey.derive('vws outbox'),
    transport: config.smtp ? createSmtpTransport(config.smtp, log) : createLocalMailbox(config.mailboxFolder, log),
    settings: config.mail,
    log,
    clock,
  });
  const accounts = createAccounts({
    store,
    hasher,
    credentials,
    createUserKey: keyring.createKey,
    endOtherSessions: deleteOtherSessionsOfUser,
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
  const exchange = createExchange({
    store,
    suite: suite1,
    keyEncryptionKey: masterKey.derive('vws session steps'),
    idleTime: config.sessionIdleTime,
    clock,
  });
  const http = await createHttpServer({
    exchange,
    routes: createSealedRoutes({
      accounts,
      recovery,
      messages,
      admit: {
        registration: limit('registrations', rates.registrationsPerMinute, MINUTE),
        passwordCheck: limit('password checks', rates.loginsPerMinute, MINUTE),
        recovery: limit('recoveries', rates.recoveriesPerMinute, MINUTE),
      },
    }),
    admitHandshake: limit('handshakes', rates.handshakesPerMinute, MINUTE),
    addressSubject,
    checkReady: () => store.transaction(async ({ db }) => void (await sql`SELECT 1`.execute(db))),
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

function expiryTimes({ sessionIdleTime }: Config): (now: number) => ExpiryTimes {
  return (now) => ({
    sessionsUnusedSince: now - sessionIdleTime - EXPIRED_SESSION_MEMORY,
    claimsEndedBy: now,
    recoveriesEndedBy: now,
    loginAttemptsBefore: now - LOCK_RULE.memory,
    rateWindowsBefore: now - HOUR,
  });
}
