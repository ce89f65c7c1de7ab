// Reads the settings from the environment into a typed configuration.
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { RegistrationMode } from '../accounts/registration.ts';
import { ExposedFileError, readPrivateFile } from '../keyring/privateFile.ts';
import type { MailSettings } from '../mail/mail.ts';
import type { SmtpSettings } from '../mail/smtp.ts';
import type { StoreLocation } from '../store/open.ts';
import { type Setting, SettingError, type SettingName, settings } from './settings.ts';

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The settings, checked and complete. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  readonly database: StoreLocation;
  /** The key itself, or the file that contains it or will contain it. */
  readonly masterKey: { readonly bytes: Uint8Array } | { readonly file: string };
  /** Undefined: stored sessions have no outer layer. */
  readonly epochFile: string | undefined;
  readonly epochMs: number;
  /** Undefined: the identity is stored in the database. */
  readonly identityKey: KeyObject | undefined;
  readonly acceptsSuite1: boolean;
  /** Accepts suite 1 over plain HTTP, also from other machines. */
  readonly allowsInsecureSuite1: boolean;
  readonly downgradeProtection: boolean;
  readonly registration: RegistrationMode;
  readonly mail: MailSettings;
  /** Undefined: emails are written to the local mailbox. */
  readonly smtp: SmtpSettings | undefined;
  readonly mailboxFolder: string;
  readonly sessionIdleMs: number;
  /** Infinite if sessions in use never expire. */
  readonly sessionMaxAgeMs: number;
  readonly maxTextBytes: number;
  readonly messages: {
    readonly acceptsTokenMessages: boolean;
    readonly defaultDays: number;
    readonly maxDays: number;
    readonly quotaCount: number;
    readonly quotaBytes: number;
    readonly pairQuotaCount: number;
    readonly storeMaxBytes: number;
    /** Returns short ciphertexts in suite 1. */
    readonly shortCiphertexts: boolean;
    readonly shortQuotaBytes: number;
    /** Time for which the sender sees a message that has ended. */
    readonly receiptMs: number;
    /** Undefined: not told to senders. */
    readonly backupDays: number | undefined;
  };
  readonly hash: { readonly memory: number; readonly iterations: number; readonly queueLimit: number };
  readonly rates: {
    readonly handshakesPerMinute: number;
    readonly loginsPerMinute: number;
    readonly failedLoginsPerMinute: number;
    readonly failedLoginsPerDay: number;
    readonly registrationsPerMinute: number;
    readonly registrationsPerHour: number;
    readonly recoveriesPerMinute: number;
    readonly recoveryMailsPerHour: number;
    readonly mailsPerHour: number;
    readonly renamesPerMonth: number;
    readonly messagesPerMinute: number;
    readonly unknownSessionsPerMinute: number;
  };
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  /** Names that clients may use for a server on the loopback interface. */
  readonly allowedHosts: readonly string[];
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Bytes. */
  readonly maxBodyMemory: number;
  /** Bytes per second. */
  readonly minBodyRate: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Mail ports of the IANA registry: plain, submission with STARTTLS, submission over TLS. */
const SMTP_PORTS = { plain: 25, startTls: 587, ssl: 465 };

/**
 * Parses all settings.
 *
 * @throws SettingError for the first invalid one
 */
export function readConfig(environment: Environment): Config {
  const dataFolder = read(environment, 'DATA_DIR');
  const masterKey = optional(environment, 'VWS_MASTER_KEY');
  const smtp = readSmtp(environment);
  const database = readDatabase(environment, dataFolder);
  return {
    host: read(environment, 'HOST'),
    port: read(environment, 'PORT'),
    dataFolder,
    database,
    masterKey: masterKey ? { bytes: masterKey } : { file: join(dataFolder, 'master.key') },
    epochFile: optional(environment, 'EPOCH_FILE') ?? defaultEpochFile(database),
    epochMs: read(environment, 'EPOCH_SECONDS') * 1000,
    identityKey: optional(environment, 'VWS_IDENTITY_KEY'),
    acceptsSuite1: read(environment, 'VWS_SUITE1') !== 'off',
    allowsInsecureSuite1: read(environment, 'VWS_SUITE1') === 'insecure',
    downgradeProtection: read(environment, 'VWS_DOWNGRADE_PROTECTION'),
    registration: read(environment, 'VWS_REGISTRATION'),
    mail: {
      sender: readSender(environment, smtp),
      senderName: read(environment, 'MAIL_SENDER_NAME'),
      subject: read(environment, 'MAIL_SUBJECT'),
    },
    smtp,
    mailboxFolder: join(dataFolder, 'mailbox'),
    sessionIdleMs: read(environment, 'SESSION_IDLE_SECONDS') * 1000,
    sessionMaxAgeMs: (read(environment, 'SESSION_MAX_DAYS') || Number.POSITIVE_INFINITY) * DAY_MS,
    maxTextBytes: read(environment, 'MAX_TEXT_BYTES'),
    messages: readMessages(environment),
    hash: {
      memory: read(environment, 'HASH_MEMORY_KIB'),
      iterations: read(environment, 'HASH_ITERATIONS'),
      queueLimit: read(environment, 'HASH_QUEUE_LIMIT'),
    },
    rates: {
      handshakesPerMinute: read(environment, 'RATE_HANDSHAKES_PER_MINUTE'),
      loginsPerMinute: read(environment, 'RATE_LOGINS_PER_MINUTE'),
      failedLoginsPerMinute: read(environment, 'RATE_FAILED_LOGINS_PER_MINUTE'),
      failedLoginsPerDay: read(environment, 'RATE_FAILED_LOGINS_PER_DAY'),
      registrationsPerMinute: read(environment, 'RATE_REGISTRATIONS_PER_MINUTE'),
      registrationsPerHour: read(environment, 'RATE_REGISTRATIONS_PER_HOUR'),
      recoveriesPerMinute: read(environment, 'RATE_RECOVERIES_PER_MINUTE'),
      recoveryMailsPerHour: read(environment, 'RATE_RECOVERY_MAILS_PER_HOUR'),
      mailsPerHour: read(environment, 'RATE_MAILS_PER_HOUR'),
      renamesPerMonth: read(environment, 'RATE_RENAMES_PER_MONTH'),
      messagesPerMinute: read(environment, 'RATE_MESSAGES_PER_MINUTE'),
      unknownSessionsPerMinute: read(environment, 'RATE_UNKNOWN_SESSIONS_PER_MINUTE'),
    },
    trustedProxies: optional(environment, 'TRUSTED_PROXIES') ?? [],
    corsOrigins: optional(environment, 'CORS_ORIGINS') ?? [],
    allowedHosts: optional(environment, 'ALLOWED_HOSTS') ?? [],
    maxConnections: read(environment, 'MAX_CONNECTIONS'),
    maxConnectionsPerAddress: read(environment, 'MAX_CONNECTIONS_PER_ADDRESS'),
    maxBodyMemory: read(environment, 'MAX_BODY_MEMORY_MIB') * 1024 * 1024,
    minBodyRate: read(environment, 'MIN_BODY_BYTES_PER_SECOND'),
    logLevel: read(environment, 'LOG_LEVEL'),
  };
}

function readMessages(environment: Environment): Config['messages'] {
  const defaultDays = read(environment, 'MESSAGE_DEFAULT_DAYS');
  const maxDays = read(environment, 'MESSAGE_MAX_DAYS');
  if (defaultDays > maxDays) {
    throw new SettingError(
      'MESSAGE_DEFAULT_DAYS',
      `must not be longer than MESSAGE_MAX_DAYS (${maxDays})`,
      `${maxDays}`,
    );
  }
  return {
    acceptsTokenMessages: read(environment, 'VWS_TOKEN_MESSAGES'),
    defaultDays,
    maxDays,
    quotaCount: read(environment, 'MESSAGE_QUOTA_COUNT'),
    quotaBytes: read(environment, 'MESSAGE_QUOTA_BYTES'),
    pairQuotaCount: read(environment, 'MESSAGE_PAIR_QUOTA_COUNT'),
    storeMaxBytes: read(environment, 'MESSAGE_STORE_MAX_BYTES'),
    shortCiphertexts: read(environment, 'VWS_SHORT_CIPHERTEXTS'),
    shortQuotaBytes: read(environment, 'SHORT_CIPHERTEXT_QUOTA_BYTES'),
    receiptMs: read(environment, 'MESSAGE_RECEIPT_DAYS') * DAY_MS,
    backupDays: optional(environment, 'BACKUP_RETENTION_DAYS'),
  };
}

function readDatabase(environment: Environment, dataFolder: string): StoreLocation {
  const url = optional(environment, 'DATABASE_URL');
  if (!url) return { engine: 'sqlite', path: join(dataFolder, 'vws.db') };
  if ('sqlite' in url) return { engine: 'sqlite', path: url.sqlite };
  const caFile = optional(environment, 'DATABASE_CA_FILE');
  return {
    engine: 'postgres',
    url: url.postgres,
    poolSize: read(environment, 'DATABASE_POOL_SIZE'),
    statementTimeout: read(environment, 'DATABASE_STATEMENT_TIMEOUT_SECONDS') * 1000,
    ...(caFile !== undefined && { caFile }),
  };
}

/** All processes that share a SQLite database find the same file next to it. Processes on PostgreSQL may share no folder. */
function defaultEpochFile(database: StoreLocation): string | undefined {
  return database.engine === 'sqlite' ? `${database.path}-epoch` : undefined;
}

function readSmtp(environment: Environment): SmtpSettings | undefined {
  const server = optional(environment, 'MAIL_SERVER');
  if (!server) return undefined;
  const useStartTls = read(environment, 'MAIL_USE_TLS');
  const useSsl = read(environment, 'MAIL_USE_SSL');
  if (useStartTls && useSsl) {
    throw new SettingError('MAIL_USE_TLS', 'and MAIL_USE_SSL exclude each other: set one of them to false', 'true');
  }
  const username = optional(environment, 'MAIL_USERNAME');
  const password = optional(environment, 'MAIL_PASSWORD');
  const caFile = optional(environment, 'MAIL_CA_FILE');
  const usualPort = useSsl ? SMTP_PORTS.ssl : useStartTls ? SMTP_PORTS.startTls : SMTP_PORTS.plain;
  return {
    server,
    port: optional(environment, 'MAIL_PORT') ?? usualPort,
    useStartTls,
    useSsl,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(caFile !== undefined && { caFile }),
  };
}

function readSender(environment: Environment, smtp: SmtpSettings | undefined): string {
  const sender = optional(environment, 'MAIL_DEFAULT_SENDER');
  if (sender) return sender;
  if (!smtp) return 'vws@localhost';
  if (smtp.username?.includes('@')) return smtp.username;
  throw new SettingError(
    'MAIL_DEFAULT_SENDER',
    'is required with MAIL_SERVER, as the sender of emails',
    settings.MAIL_DEFAULT_SENDER.example,
  );
}

type Value<N extends SettingName> = ReturnType<(typeof settings)[N]['parse']>;
type NameWithFallback = {
  [N in SettingName]: (typeof settings)[N] extends { fallback: string } ? N : never;
}[SettingName];

function read<N extends NameWithFallback>(environment: Environment, name: N): Value<N> {
  return parse(environment, name, find(environment, name) ?? settings[name].fallback);
}

function optional<N extends SettingName>(environment: Environment, name: N): Value<N> | undefined {
  const text = find(environment, name);
  return text === undefined ? undefined : parse(environment, name, text);
}

function parse<N extends SettingName>(environment: Environment, name: N, text: string): Value<N> {
  const setting: Setting<unknown> = settings[name];
  try {
    return setting.parse(text) as Value<N>;
  } catch (error) {
    const file = environment[`${name}_FILE`]?.trim();
    const isFromFile = setting.secret && file && !environment[name]?.trim();
    if (isFromFile)
      throw new SettingError(`${name}_FILE`, `names a file whose content ${(error as Error).message}`, file);
    throw new SettingError(name, (error as Error).message, setting.example);
  }
}

/** Returns the text of a variable. An empty one counts as missing, so `NAME=` in a file enables nothing. */
function find(environment: Environment, name: SettingName): string | undefined {
  const setting: Setting<unknown> = settings[name];
  const text = environment[name]?.trim() || undefined;
  if (!setting.secret) return text;
  const file = environment[`${name}_FILE`]?.trim() || undefined;
  if (!file) return text;
  if (text) throw new SettingError(name, `and ${name}_FILE are both set: keep one`, setting.example);
  try {
    return (setting.isKey ? readPrivateFile(file, { allowsGroup: true }) : readFileSync(file, 'utf8')).trim();
  } catch (error) {
    if (error instanceof ExposedFileError) {
      throw new SettingError(`${name}_FILE`, `names a file that ${error.message}`, file);
    }
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new SettingError(
      `${name}_FILE`,
      `names a file that cannot be read (${reason})`,
      `/run/secrets/${name.toLowerCase()}`,
    );
  }
}

/**
 * Adds the variables of a `.env` file to the environment, which takes precedence.
 *
 * @param text contents of the file
 */
export function withEnvFile(environment: Environment, text: string): Environment {
  const fromFile: Environment = parseEnv(text);
  return { ...fromFile, ...environment };
}
