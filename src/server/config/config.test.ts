// The configuration: defaults, .env files, secrets from files, mail settings.
import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from '../../../test/support/mailFixtures.ts';
import { type Environment, readConfig, withEnvFile } from './config.ts';

const KEY = 'c0ffee'.repeat(11).slice(0, 64);
const keyBytes = Buffer.from(KEY, 'hex');

/** The message of the error that an environment is refused with. */
function refusalOf(environment: Environment): string {
  try {
    readConfig(environment);
  } catch (error) {
    assert.equal((error as Error).name, 'SettingError');
    return (error as Error).message;
  }
  return assert.fail('not refused');
}

test('defaults: a local server with all data in one folder', () => {
  const folder = resolve('data');
  assert.deepEqual(readConfig({}), {
    host: '127.0.0.1',
    port: 5000,
    dataFolder: folder,
    database: { engine: 'sqlite', path: join(folder, 'vws.db') },
    masterKey: { file: join(folder, 'master.key') },
    epochFile: join(folder, 'vws.db-epoch'),
    epochMs: 60_000,
    identityKey: undefined,
    acceptsSuite1: true,
    allowsInsecureSuite1: false,
    downgradeProtection: false,
    registration: 'open',
    mail: { sender: 'vws@localhost', senderName: 'VWS', subject: 'Your recovery code' },
    smtp: undefined,
    mailboxFolder: join(folder, 'mailbox'),
    sessionIdleMs: 60 * 60 * 1000,
    sessionMaxAgeMs: 90 * 24 * 60 * 60 * 1000,
    maxTextBytes: 1024 * 1024,
    messages: {
      acceptsTokenMessages: true,
      defaultDays: 7,
      maxDays: 30,
      quotaCount: 1000,
      quotaBytes: 64 * 1024 * 1024,
      pairQuotaCount: 100,
      storeMaxBytes: 10 * 1024 ** 3,
      shortCiphertexts: true,
      shortQuotaBytes: 64 * 1024 * 1024,
      receiptMs: 30 * 24 * 60 * 60 * 1000,
      backupDays: undefined,
    },
    hash: { memory: 19 * 1024, iterations: 2, queueLimit: 500 },
    rates: {
      handshakesPerMinute: 6000,
      loginsPerMinute: 3000,
      failedLoginsPerMinute: 100,
      failedLoginsPerDay: 100,
      registrationsPerMinute: 60,
      registrationsPerHour: 200,
      recoveriesPerMinute: 3000,
      recoveryMailsPerHour: 20,
      mailsPerHour: 200,
      renamesPerMonth: 3,
      messagesPerMinute: 60,
      unknownSessionsPerMinute: 6000,
    },
    trustedProxies: [],
    corsOrigins: [],
    allowedHosts: [],
    maxConnections: 20_000,
    maxConnectionsPerAddress: 4000,
    maxBodyMemory: 128 * 1024 * 1024,
    minBodyRate: 200,
    logLevel: 'info',
  });
});

test('DATA_DIR moves the database, the master key and the mailbox', () => {
  const { database, masterKey, mailboxFolder } = readConfig({ DATA_DIR: '/srv/vws' });
  assert.deepEqual(
    { database, masterKey, mailboxFolder },
    {
      database: { engine: 'sqlite', path: '/srv/vws/vws.db' },
      masterKey: { file: '/srv/vws/master.key' },
      mailboxFolder: '/srv/vws/mailbox',
    },
  );
});

test('an empty variable counts as missing', () => {
  for (const empty of ['', '  ', '\t']) {
    const environment = { PORT: empty, VWS_MASTER_KEY: empty, VWS_MASTER_KEY_FILE: empty, MAIL_SERVER: empty };
    assert.deepEqual(readConfig({ ...environment, MAIL_USE_TLS: empty, CORS_ORIGINS: empty }), readConfig({}));
  }
});

describe('the .env file', () => {
  test('adds variables; the environment takes precedence', () => {
    const file = '# a comment\nPORT=8080\nHOST=\'0.0.0.0\'\nexport LOG_LEVEL=warn\nMAIL_SUBJECT="Code # 1"\n';
    const { port, host, logLevel, mail } = readConfig(withEnvFile({ PORT: '9090' }, file));
    assert.deepEqual([port, host, logLevel, mail.subject], [9090, '0.0.0.0', 'warn', 'Code # 1']);
  });

  test('is overridden by an empty variable', () => {
    assert.equal(readConfig(withEnvFile({ PORT: '' }, 'PORT=8080')).port, 5000);
  });

  test('may be empty', () => {
    assert.deepEqual(withEnvFile({ PORT: '9090' }, ''), { PORT: '9090' });
  });
});

describe('secret setting', () => {
  test('may be read from a file', async (t) => {
    const folder = await temporaryFolder(t);
    const write = async (name: string, contents: string) => {
      await writeFile(join(folder, name), contents, { mode: 0o600 });
      return join(folder, name);
    };
    const { masterKey, smtp, database } = readConfig({
      VWS_MASTER_KEY_FILE: await write('key', `${KEY}\n`),
      DATABASE_URL_FILE: await write('url', 'sqlite:/srv/other.db\r\n'),
      MAIL_PASSWORD_FILE: await write('password', 'p4ss word\n'),
      MAIL_SERVER: 'smtp.example.org',
      MAIL_DEFAULT_SENDER: 'vws@example.org',
    });
    assert.deepEqual(masterKey, { bytes: keyBytes });
    assert.deepEqual(database, { engine: 'sqlite', path: '/srv/other.db' });
    assert.equal(smtp?.password, 'p4ss word');
  });

  test('is rejected if set twice, or if its file is missing or invalid', async (t) => {
    const file = join(await temporaryFolder(t), 'key');
    await writeFile(file, 'hunter2hunter2', { mode: 0o600 });
    assert.match(
      refusalOf({ VWS_MASTER_KEY: KEY, VWS_MASTER_KEY_FILE: file }),
      /^VWS_MASTER_KEY and VWS_MASTER_KEY_FILE are both set: keep one\. Example: VWS_MASTER_KEY=/,
    );
    assert.equal(
      refusalOf({ VWS_MASTER_KEY_FILE: `${file}.gone` }),
      'VWS_MASTER_KEY_FILE names a file that cannot be read (ENOENT). ' +
        'Example: VWS_MASTER_KEY_FILE=/run/secrets/vws_master_key',
    );
    const wrong = refusalOf({ VWS_MASTER_KEY_FILE: file });
    assert.match(wrong, /^VWS_MASTER_KEY_FILE names a file whose content must be 64 hex/);
    assert.ok(!wrong.includes('hunter2'));
    await writeFile(file, '\n');
    assert.match(
      refusalOf({ VWS_MASTER_KEY_FILE: file }),
      /^VWS_MASTER_KEY_FILE names a file whose content must be 64 hex/,
    );
  });

  test('is rejected if other users can access the file of a key', {
    skip: process.platform === 'win32' ? 'Windows has no permission bits' : false,
  }, async (t) => {
    const file = join(await temporaryFolder(t), 'key');
    await writeFile(file, KEY, { mode: 0o604 });
    const refusal = 'names a file that can be accessed by other users (mode 604). Run: chmod o=';
    assert.ok(refusalOf({ VWS_MASTER_KEY_FILE: file }).startsWith(`VWS_MASTER_KEY_FILE ${refusal} '${file}'`));
    assert.ok(refusalOf({ VWS_IDENTITY_KEY_FILE: file }).startsWith(`VWS_IDENTITY_KEY_FILE ${refusal} '${file}'`));
    await chmod(file, 0o440);
    assert.deepEqual(readConfig({ VWS_MASTER_KEY_FILE: file }).masterKey, { bytes: keyBytes });
  });

  test('other settings are not read from files', () => {
    assert.equal(readConfig({ PORT_FILE: '/nowhere' }).port, 5000);
  });
});

test('the default expiry of messages is at most the longest one', () => {
  assert.equal(readConfig({ MESSAGE_DEFAULT_DAYS: '30' }).messages.defaultDays, 30);
  assert.equal(
    refusalOf({ MESSAGE_MAX_DAYS: '5' }),
    'MESSAGE_DEFAULT_DAYS must not be longer than MESSAGE_MAX_DAYS (5). Example: MESSAGE_DEFAULT_DAYS=5',
  );
});

describe('mail settings', () => {
  const server = { MAIL_SERVER: 'smtp.example.org', MAIL_DEFAULT_SENDER: 'VWS <vws@example.org>' };
  const smtpOf = (changes: Environment) => readConfig({ ...server, ...changes }).smtp;

  test('the default port depends on the encryption', () => {
    assert.deepEqual(smtpOf({}), { server: 'smtp.example.org', port: 25, useStartTls: false, useSsl: false });
    assert.deepEqual(smtpOf({ MAIL_USE_TLS: 'true', MAIL_USE_SSL: 'false' }), {
      ...{ server: 'smtp.example.org', port: 587, useStartTls: true, useSsl: false },
    });
    assert.deepEqual(smtpOf({ MAIL_USE_SSL: '1' }), {
      ...{ server: 'smtp.example.org', port: 465, useStartTls: false, useSsl: true },
    });
    for (const encryption of [{}, { MAIL_USE_TLS: 'on' }, { MAIL_USE_SSL: 'on' }]) {
      assert.equal(smtpOf({ ...encryption, MAIL_PORT: '2525' })?.port, 2525);
    }
  });

  test('MAIL_USE_TLS and MAIL_USE_SSL exclude each other', () => {
    assert.match(
      refusalOf({ ...server, MAIL_USE_TLS: 'true', MAIL_USE_SSL: 'true' }),
      /^MAIL_USE_TLS and MAIL_USE_SSL exclude each other: .*\. Example: MAIL_USE_TLS=true$/,
    );
  });

  test('the sender defaults to a user name that is an address, and is required otherwise', () => {
    const unsent = { MAIL_SERVER: 'smtp.example.org' };
    assert.equal(readConfig(server).mail.sender, 'VWS <vws@example.org>');
    assert.equal(readConfig({ ...server, MAIL_USERNAME: 'other@example.org' }).mail.sender, 'VWS <vws@example.org>');
    assert.equal(readConfig({ ...unsent, MAIL_USERNAME: 'vws@example.org' }).mail.sender, 'vws@example.org');
    for (const username of [undefined, '', 'vws']) {
      assert.match(
        refusalOf({ ...unsent, MAIL_USERNAME: username }),
        /^MAIL_DEFAULT_SENDER is required with MAIL_SERVER, .*\. Example: MAIL_DEFAULT_SENDER=vws@example\.org$/,
      );
    }
  });

  test('without MAIL_SERVER, the other mail settings are ignored', () => {
    const { smtp, mail } = readConfig({ MAIL_USE_TLS: 'true', MAIL_USE_SSL: 'true', MAIL_USERNAME: 'vws' });
    assert.deepEqual([smtp, mail.sender], [undefined, 'vws@localhost']);
  });
});
