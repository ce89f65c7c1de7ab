// The table of settings: every environment variable with its description, default and parser.
import { isAbsolute, resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { readIdentityKey } from '../keyring/identity.ts';
import { parseMasterKey } from '../keyring/masterKey.ts';
import { parseSender } from '../mail/address.ts';

/** A setting whose value cannot be used. The message names the variable, what is wrong, and an example. */
export class SettingError extends Error {
  constructor(name: string, wrong: string, example: string) {
    super(`${name} ${wrong}. Example: ${name}=${example}`);
    this.name = 'SettingError';
  }
}

/** One environment variable. */
export interface Setting<T> {
  readonly description: string;
  readonly example: string;
  /** The text that stands for a missing variable; without one, the setting may be undefined. */
  readonly fallback?: string;
  /** The value may be read from the file that `<NAME>_FILE` names, and is never shown. */
  readonly secret?: boolean;
  /** @throws Error saying what is wrong, to follow the variable's name */
  readonly parse: (text: string) => T;
}

const text = (value: string): string => value;

function integer(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      throw new Error(`must be a whole number from ${min} to ${max}`);
    }
    return number;
  };
}

function flag(value: string): boolean {
  if (/^(1|true|yes|on)$/i.test(value)) return true;
  if (/^(0|false|no|off)$/i.test(value)) return false;
  throw new Error('must be on or off (true or false)');
}

function oneOf<const T extends string>(...choices: readonly T[]): (value: string) => T {
  return (value) => {
    const choice = choices.find((candidate) => candidate === value);
    if (!choice) throw new Error(`must be one of ${choices.join(', ')}`);
    return choice;
  };
}

function masterKey(value: string): Uint8Array {
  const bytes = parseMasterKey(value);
  if (!bytes) throw new Error('must be 64 hex characters or the base64 of 32 bytes');
  return bytes;
}

/** An address of PostgreSQL, or the path of a SQLite file. */
function databaseUrl(value: string): { readonly postgres: string } | { readonly sqlite: string } {
  if (/^postgres(ql)?:\/\/./.test(value) && URL.canParse(value)) return { postgres: value };
  const match = /^sqlite:(?:\/\/)?(.+)$/.exec(value);
  if (!match?.[1]) throw new Error('must begin with sqlite: or postgres://');
  return { sqlite: absolute(match[1]) };
}

function absolute(path: string): string {
  return isAbsolute(path) ? path : resolve(path);
}

function origins(value: string): string[] {
  const list = value.split(',').map((origin) => origin.trim());
  for (const origin of list) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new Error(`holds "${origin}", which is no origin`);
  }
  return list;
}

function networks(value: string): string[] {
  const list = value.split(',').map((network) => network.trim());
  for (const network of list) {
    if (!ipaddr.isValid(network) && !ipaddr.isValidCIDR(network)) {
      throw new Error(`holds "${network}", which is no address or network`);
    }
    if (network.endsWith('/0')) throw new Error(`holds "${network}", by which everybody would be believed`);
  }
  return list;
}

function sender(value: string): string {
  try {
    parseSender({ sender: value, senderName: '' });
  } catch {
    throw new Error('must be one e-mail address, with a name before it or without');
  }
  return value;
}

function oneLine(value: string): string {
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value)) throw new Error('must be one line');
  return value;
}

const rate = integer(1, 10_000_000);

/** Every variable that the server reads, in the order in which the documentation lists them. */
export const settings = {
  HOST: {
    description: 'Address to listen on; `0.0.0.0` listens on all of IPv4.',
    example: '0.0.0.0',
    fallback: '127.0.0.1',
    parse: text,
  },
  PORT: {
    description: 'Port to listen on; `0` takes any free one.',
    example: '8080',
    fallback: '5000',
    parse: integer(0, 65_535),
  },
  DATA_DIR: {
    description: 'Folder for the database, the master key and the local mailbox.',
    example: '/var/lib/vws',
    fallback: 'data',
    parse: absolute,
  },
  DATABASE_URL: {
    description:
      'Where the database is: `sqlite:` and a path, or `postgres://user:password@host/name`. By default `vws.db` in `DATA_DIR`.',
    example: 'postgres://vws@db.example.org/vws',
    secret: true,
    parse: databaseUrl,
  },
  DATABASE_POOL_SIZE: {
    description: 'PostgreSQL: connections of this process at most.',
    example: '20',
    fallback: '10',
    parse: integer(1, 1000),
  },
  DATABASE_STATEMENT_TIMEOUT_SECONDS: {
    description: 'PostgreSQL: seconds after which a statement is broken off.',
    example: '5',
    fallback: '10',
    parse: integer(1, 3600),
  },
  DATABASE_CA_FILE: {
    description:
      'PostgreSQL: PEM file with the certificates that the database server is trusted by; connections are then encrypted and checked.',
    example: '/etc/ssl/private-ca.pem',
    parse: absolute,
  },
  VWS_MASTER_KEY: {
    description:
      'The master key: 64 hex characters or base64 of 32 bytes. By default `master.key` in `DATA_DIR`, made at the first start.',
    example: 'the output of: openssl rand -hex 32',
    secret: true,
    parse: masterKey,
  },
  VWS_IDENTITY_KEY: {
    description:
      'The Ed25519 private key, in PEM, that clients of suite 2 know the server by. By default one is made at the first start and kept in the database, under the master key.',
    example: 'the output of: openssl genpkey -algorithm ed25519',
    secret: true,
    parse: readIdentityKey,
  },
  VWS_SUITE1: {
    description: 'Whether clients may speak suite 1, which needs HTTPS to be safe; `off` refuses it.',
    example: 'off',
    fallback: 'on',
    parse: flag,
  },
  VWS_DOWNGRADE_PROTECTION: {
    description:
      'Whether an account that is logged in to or registered with suite 2 can from then on no more be logged in to with suite 1.',
    example: 'on',
    fallback: 'off',
    parse: flag,
  },
  MAIL_SERVER: {
    description: 'SMTP server. Without it mails are written to `mailbox` in `DATA_DIR` and codes are shown in the log.',
    example: 'smtp.example.org',
    parse: text,
  },
  MAIL_PORT: {
    description: 'Port of the SMTP server. By default 465 with `MAIL_USE_SSL`, 587 with `MAIL_USE_TLS`, else 25.',
    example: '587',
    parse: integer(1, 65_535),
  },
  MAIL_USE_TLS: {
    description: 'Connect in clear, then insist on STARTTLS.',
    example: 'true',
    fallback: 'false',
    parse: flag,
  },
  MAIL_USE_SSL: { description: 'Connect with TLS from the start.', example: 'true', fallback: 'false', parse: flag },
  MAIL_USERNAME: { description: 'Name to log in to the SMTP server with.', example: 'vws', parse: text },
  MAIL_PASSWORD: {
    description: 'Password to log in to the SMTP server with.',
    example: 'the password of that mailbox',
    secret: true,
    parse: text,
  },
  MAIL_DEFAULT_SENDER: {
    description:
      'Whom mails come from: an address, or a name and an address. By default `MAIL_USERNAME`, if that is an address.',
    example: 'vws@example.org',
    parse: sender,
  },
  MAIL_CA_FILE: {
    description: 'PEM file with the certificates that the SMTP server is trusted by. By default those of Node.',
    example: '/etc/ssl/private-ca.pem',
    parse: absolute,
  },
  MAIL_SENDER_NAME: {
    description: 'What mails call the service, and the sender where the address has no name.',
    example: 'Example VWS',
    fallback: 'VWS',
    parse: oneLine,
  },
  MAIL_SUBJECT: {
    description: 'Subject of the mail with a recovery code.',
    example: 'Reset your Example password',
    fallback: 'Your recovery code',
    parse: oneLine,
  },
  SESSION_IDLE_SECONDS: {
    description: 'Seconds without a request after which a session ends.',
    example: '900',
    fallback: '3600',
    parse: integer(1, 30 * 24 * 3600),
  },
  MAX_TEXT_BYTES: {
    description: 'Longest text to encrypt, in bytes of UTF-8.',
    example: '65536',
    fallback: String(1024 * 1024),
    parse: integer(1, 64 * 1024 * 1024),
  },
  HASH_MEMORY_KIB: {
    description: 'Memory of one Argon2id password hash, in KiB. Hashes grow at the next login.',
    example: '65536',
    fallback: String(19 * 1024),
    parse: integer(19 * 1024, 4 * 1024 * 1024),
  },
  HASH_ITERATIONS: {
    description: 'Passes of one Argon2id password hash.',
    example: '3',
    fallback: '2',
    parse: integer(2, 100),
  },
  HASH_QUEUE_LIMIT: {
    description: 'How many password checks may wait; past that, logins are answered 503 with Retry-After.',
    example: '100',
    fallback: '500',
    parse: integer(1, 100_000),
  },
  RATE_HANDSHAKES_PER_MINUTE: {
    description: 'Handshakes from one address (IPv6: one /64) in a minute.',
    example: '600',
    fallback: '6000',
    parse: rate,
  },
  RATE_LOGINS_PER_MINUTE: {
    description: 'Logins and other password checks from one address in a minute.',
    example: '300',
    fallback: '3000',
    parse: rate,
  },
  RATE_REGISTRATIONS_PER_MINUTE: {
    description: 'Registrations from one address in a minute.',
    example: '60',
    fallback: '1200',
    parse: rate,
  },
  RATE_RECOVERIES_PER_MINUTE: {
    description: 'Recovery requests, all three steps together, from one address in a minute.',
    example: '60',
    fallback: '3000',
    parse: rate,
  },
  RATE_RECOVERY_MAILS_PER_HOUR: {
    description: 'Recovery mails to one e-mail address in an hour.',
    example: '5',
    fallback: '20',
    parse: rate,
  },
  TRUSTED_PROXIES: {
    description: 'Addresses and networks of reverse proxies whose `X-Forwarded-For` is believed, separated by commas.',
    example: '127.0.0.1,10.0.0.0/8',
    parse: networks,
  },
  CORS_ORIGINS: {
    description: 'Origins of web pages that may call the server, separated by commas. By default none.',
    example: 'https://app.example.org',
    parse: origins,
  },
  MAX_CONNECTIONS: {
    description: 'Connections held open at once; more are refused.',
    example: '1000',
    fallback: '20000',
    parse: integer(1, 1_000_000),
  },
  LOG_LEVEL: {
    description: 'Least important log lines to write: `debug`, `info`, `warn`, `error` or `silent`.',
    example: 'warn',
    fallback: 'info',
    parse: oneOf('debug', 'info', 'warn', 'error', 'silent'),
  },
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof settings;
