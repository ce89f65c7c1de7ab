// Every setting with valid and invalid texts.
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { type Config, type Environment, readConfig } from './config.ts';
import { SettingError, type SettingName, settings } from './settings.ts';

interface Case {
  /** Valid texts, each with its value in the configuration. */
  readonly good: readonly (readonly [text: string, value: unknown])[];
  /** Invalid texts; empty if any text is valid. */
  readonly bad: readonly string[];
  readonly read: (config: Config) => unknown;
  /** Other variables that the setting requires. */
  readonly beside?: Environment;
}

const KEY = 'c0ffee'.repeat(11).slice(0, 64);
const ed25519 = generateKeyPairSync('ed25519').privateKey;
const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const publicKeyOf = (key: KeyObject) => createPublicKey(key).export({ format: 'jwk' }).x;
const withMail = { MAIL_SERVER: 'smtp.example.org', MAIL_DEFAULT_SENDER: 'vws@example.org' };
const withPostgres = { DATABASE_URL: 'postgres://db.example.org/vws' };

const any = (read: Case['read'], ...texts: string[]): Case => ({
  good: texts.map((text) => [text, text] as const),
  bad: [],
  read,
});

const path = (read: Case['read'], beside: Environment = {}): Case => ({
  good: [
    ['/srv/vws/file', '/srv/vws/file'],
    ['folder/file', resolve('folder/file')],
  ],
  bad: [],
  read,
  beside,
});

const whole = (read: Case['read'], [min, max]: [number, number], { beside = {}, unit = 1 } = {}): Case => ({
  good: [
    [`${min}`, min * unit],
    [`${max}`, max * unit],
  ],
  bad: [`${min - 1}`, `${max + 1}`, '9'.repeat(30), '1.5', '1e3', '0x10', 'many', '10 000', '10,000', '٣', 'NaN'],
  read,
  beside,
});

const flag = (read: Case['read']): Case => ({
  good: [
    ...['true', 'True', 'yes', 'on', '1'].map((text) => [text, true] as const),
    ...['false', 'FALSE', 'no', 'off', '0'].map((text) => [text, false] as const),
  ],
  bad: ['2', 'maybe', 'tru', '-1'],
  read,
  beside: withMail,
});

const database = (config: Config) => config.database;
const rate = (read: Case['read']) => whole(read, [1, 10_000_000]);
const postgres = (name: 'poolSize' | 'statementTimeout' | 'caFile') => (config: Config) =>
  config.database.engine === 'postgres' ? config.database[name] : assert.fail('not PostgreSQL');

const cases: Record<SettingName, Case> = {
  HOST: any((config) => config.host, '0.0.0.0', '::', 'localhost'),
  PORT: whole((config) => config.port, [0, 65_535]),
  DATA_DIR: path((config) => config.dataFolder),
  DATABASE_URL: {
    good: [
      ['sqlite:/srv/vws.db', { engine: 'sqlite', path: '/srv/vws.db' }],
      ['sqlite:///srv/vws.db', { engine: 'sqlite', path: '/srv/vws.db' }],
      ['sqlite:vws.db', { engine: 'sqlite', path: resolve('vws.db') }],
      ...['postgres://vws:pass@db.example.org:5433/vws?sslmode=require', 'postgresql://db.example.org/vws'].map(
        (url) => [url, { engine: 'postgres', url, poolSize: 10, statementTimeout: 10_000 }] as const,
      ),
    ],
    bad: ['sqlite:', 'vws.db', '/srv/vws.db', 'postgres://', 'postgres:vws', 'mysql://db.example.org/vws'],
    read: database,
  },
  DATABASE_POOL_SIZE: whole(postgres('poolSize'), [1, 1000], { beside: withPostgres }),
  DATABASE_STATEMENT_TIMEOUT_SECONDS: whole(postgres('statementTimeout'), [1, 3600], {
    beside: withPostgres,
    unit: 1000,
  }),
  DATABASE_CA_FILE: path(postgres('caFile'), withPostgres),
  VWS_MASTER_KEY: {
    good: [
      [KEY, { bytes: Buffer.from(KEY, 'hex') }],
      [Buffer.from(KEY, 'hex').toString('base64'), { bytes: Buffer.from(KEY, 'hex') }],
    ],
    bad: ['secret', KEY.slice(1), `${KEY}00`, `${KEY.slice(1)}g`],
    read: (config) => config.masterKey,
  },
  EPOCH_FILE: path((config) => config.epochFile),
  EPOCH_SECONDS: whole((config) => config.epochMs, [1, 24 * 3600], { unit: 1000 }),
  VWS_IDENTITY_KEY: {
    good: [[pemOf(ed25519), publicKeyOf(ed25519)]],
    bad: [
      'secret',
      KEY,
      createPublicKey(ed25519).export({ type: 'spki', format: 'pem' }).toString(),
      pemOf(generateKeyPairSync('x25519').privateKey),
      pemOf(generateKeyPairSync('ed448').privateKey),
      pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
      pemOf(ed25519).replace(/\n.{8}/, '\n'),
    ],
    read: ({ identityKey }) => identityKey && publicKeyOf(identityKey),
  },
  VWS_SUITE1: {
    good: [
      ['on', [true, false]],
      ['true', [true, false]],
      ['off', [false, false]],
      ['0', [false, false]],
      ['insecure', [true, true]],
    ],
    bad: ['2', 'maybe', 'secure'],
    read: (config) => [config.acceptsSuite1, config.allowsInsecureSuite1],
  },
  VWS_DOWNGRADE_PROTECTION: flag((config) => config.downgradeProtection),
  VWS_REGISTRATION: {
    good: ['open', 'invite', 'closed'].map((mode) => [mode, mode]),
    bad: ['Open', 'on', 'off', 'none'],
    read: (config) => config.registration,
  },
  MAIL_SERVER: {
    ...any((config) => config.smtp?.server, 'smtp.example.org', '192.0.2.7'),
    beside: { MAIL_DEFAULT_SENDER: 'vws@example.org' },
  },
  MAIL_PORT: whole((config) => config.smtp?.port, [1, 65_535], { beside: withMail }),
  MAIL_USE_TLS: flag((config) => config.smtp?.useStartTls),
  MAIL_USE_SSL: flag((config) => config.smtp?.useSsl),
  MAIL_USERNAME: { ...any((config) => config.smtp?.username, 'vws', 'vws@example.org'), beside: withMail },
  MAIL_PASSWORD: { ...any((config) => config.smtp?.password, 'p4ss word', '#"\''), beside: withMail },
  MAIL_DEFAULT_SENDER: {
    ...any((config) => config.mail.sender, 'vws@example.org', 'VWS <vws@example.org>', '"V, W" <vws@example.org>'),
    bad: ['VWS', '@', 'vws@', '@example.org', 'a@example.org, b@example.org', 'a@example.org\nBcc: b@example.org'],
  },
  MAIL_CA_FILE: path((config) => config.smtp?.caFile, withMail),
  MAIL_SENDER_NAME: any((config) => config.mail.senderName, 'Example VWS'),
  MAIL_SUBJECT: any((config) => config.mail.subject, 'Ihr Code für VWS'),
  SESSION_IDLE_SECONDS: whole((config) => config.sessionIdleMs, [1, 30 * 24 * 3600], { unit: 1000 }),
  SESSION_MAX_DAYS: whole(({ sessionMaxAgeMs: ms }) => (ms === Number.POSITIVE_INFINITY ? 0 : ms), [0, 3650], {
    unit: 24 * 60 * 60 * 1000,
  }),
  MAX_TEXT_BYTES: whole((config) => config.maxTextBytes, [1, 64 * 1024 * 1024]),
  VWS_TOKEN_MESSAGES: flag((config) => config.messages.acceptsTokenMessages),
  MESSAGE_DEFAULT_DAYS: whole((config) => config.messages.defaultDays, [1, 3650], {
    beside: { MESSAGE_MAX_DAYS: '3650' },
  }),
  MESSAGE_MAX_DAYS: whole((config) => config.messages.maxDays, [1, 3650], { beside: { MESSAGE_DEFAULT_DAYS: '1' } }),
  MESSAGE_QUOTA_COUNT: whole((config) => config.messages.quotaCount, [1, 1_000_000]),
  MESSAGE_QUOTA_BYTES: whole((config) => config.messages.quotaBytes, [1024, 2 ** 50]),
  MESSAGE_PAIR_QUOTA_COUNT: whole((config) => config.messages.pairQuotaCount, [1, 1_000_000]),
  MESSAGE_STORE_MAX_BYTES: whole((config) => config.messages.storeMaxBytes, [1024, 2 ** 50]),
  MESSAGE_RECEIPT_DAYS: whole((config) => config.messages.receiptMs, [0, 3650], { unit: 24 * 60 * 60 * 1000 }),
  VWS_SHORT_CIPHERTEXTS: flag((config) => config.messages.shortCiphertexts),
  SHORT_CIPHERTEXT_QUOTA_BYTES: whole((config) => config.messages.shortQuotaBytes, [1024, 2 ** 50]),
  BACKUP_RETENTION_DAYS: whole((config) => config.messages.backupDays, [0, 3650]),
  HASH_MEMORY_KIB: whole((config) => config.hash.memory, [19 * 1024, 4 * 1024 * 1024]),
  HASH_ITERATIONS: whole((config) => config.hash.iterations, [2, 100]),
  HASH_QUEUE_LIMIT: whole((config) => config.hash.queueLimit, [1, 100_000]),
  RATE_HANDSHAKES_PER_MINUTE: rate((config) => config.rates.handshakesPerMinute),
  RATE_LOGINS_PER_MINUTE: rate((config) => config.rates.loginsPerMinute),
  RATE_FAILED_LOGINS_PER_MINUTE: rate((config) => config.rates.failedLoginsPerMinute),
  RATE_FAILED_LOGINS_PER_DAY: rate((config) => config.rates.failedLoginsPerDay),
  RATE_REGISTRATIONS_PER_MINUTE: rate((config) => config.rates.registrationsPerMinute),
  RATE_REGISTRATIONS_PER_HOUR: rate((config) => config.rates.registrationsPerHour),
  RATE_RECOVERIES_PER_MINUTE: rate((config) => config.rates.recoveriesPerMinute),
  RATE_RECOVERY_MAILS_PER_HOUR: rate((config) => config.rates.recoveryMailsPerHour),
  RATE_MAILS_PER_HOUR: rate((config) => config.rates.mailsPerHour),
  RATE_RENAMES_PER_MONTH: rate((config) => config.rates.renamesPerMonth),
  RATE_MESSAGES_PER_MINUTE: rate((config) => config.rates.messagesPerMinute),
  RATE_UNKNOWN_SESSIONS_PER_MINUTE: rate((config) => config.rates.unknownSessionsPerMinute),
  TRUSTED_PROXIES: {
    good: [
      ['127.0.0.1', ['127.0.0.1']],
      ['10.0.0.0/8, 2001:db8::/32,::1', ['10.0.0.0/8', '2001:db8::/32', '::1']],
    ],
    // The last two would trust every address.
    bad: ['proxy.example.org', 'loopback', '10.0.0.0/33', '10.0.0.1,', '10.0.0.1 10.0.0.2', '0.0.0.0/0', '::/0'],
    read: (config) => config.trustedProxies,
  },
  CORS_ORIGINS: {
    good: [
      ['https://app.example.org', ['https://app.example.org']],
      ['https://app.example.org , http://localhost:3000', ['https://app.example.org', 'http://localhost:3000']],
    ],
    bad: ['*', 'app.example.org', 'https://app.example.org/', 'https://app.example.org/vws', 'null', 'file:///srv'],
    read: (config) => config.corsOrigins,
  },
  ALLOWED_HOSTS: {
    good: [
      ['vws.example.org', ['vws.example.org']],
      ['VWS.example.org , my_host', ['vws.example.org', 'my_host']],
    ],
    bad: ['vws.example.org:5000', 'https://vws.example.org', '*.example.org', 'a..b', 'a b', 'a,'],
    read: (config) => config.allowedHosts,
  },
  MAX_CONNECTIONS: whole((config) => config.maxConnections, [1, 1_000_000]),
  MAX_CONNECTIONS_PER_ADDRESS: whole((config) => config.maxConnectionsPerAddress, [1, 1_000_000]),
  MAX_BODY_MEMORY_MIB: whole((config) => config.maxBodyMemory, [1, 1_048_576], { unit: 1024 * 1024 }),
  MIN_BODY_BYTES_PER_SECOND: whole((config) => config.minBodyRate, [1, 1_000_000]),
  LOG_LEVEL: { ...any((config) => config.logLevel, 'debug', 'warn', 'silent'), bad: ['verbose', 'INFO', 'all'] },
};

for (const name of Object.keys(settings) as SettingName[]) {
  test(`${name} is read, or rejected with its name, the reason and an example`, () => {
    const known: Case | undefined = cases[name];
    assert.ok(known, 'no case above for this setting');
    const { good, bad, read, beside } = known;
    for (const [text, value] of good) {
      assert.deepEqual(read(readConfig({ ...beside, [name]: text })), value, text);
      assert.deepEqual(read(readConfig({ ...beside, [name]: `  ${text}\t` })), value, 'with white space around it');
    }
    const { example }: { example: string } = settings[name];
    for (const text of bad) {
      assert.throws(
        () => readConfig({ ...beside, [name]: text }),
        ({ message, ...error }: Error) => {
          assert.equal(error.name, 'SettingError');
          assert.match(message, new RegExp(`^${name} (?:must|holds|names|is) .{5,}\\. Example: ${name}=`));
          assert.ok(message.endsWith(`=${example}`));
          return true;
        },
        JSON.stringify(text),
      );
    }
  });
}

test('every setting has a description, a valid example and a valid default', () => {
  for (const [name, setting] of Object.entries(settings) as [SettingName, (typeof settings)[SettingName]][]) {
    const { description, example, fallback }: { description: string; example: string; fallback?: string } = setting;
    assert.match(description, /^[A-Z].*\.$/, name);
    if (fallback !== undefined) setting.parse(fallback);
    // The example of a key must not be a valid key.
    if (name === 'VWS_MASTER_KEY' || name === 'VWS_IDENTITY_KEY') assert.throws(() => setting.parse(example));
    else setting.parse(example);
  }
});

test('errors do not quote secrets', () => {
  const secrets = Object.entries(settings).filter(([name, setting]) => 'secret' in setting && name !== 'MAIL_PASSWORD');
  assert.deepEqual(
    secrets.map(([name]) => name),
    ['DATABASE_URL', 'VWS_MASTER_KEY', 'VWS_IDENTITY_KEY'],
  );
  for (const [name] of secrets) {
    assert.throws(
      () => readConfig({ [name]: 'mysql://vws:hunter2@db.example.org/vws' }),
      (error) => error instanceof SettingError && !error.message.includes('hunter2'),
    );
  }
});
