// The table of settings: every environment variable with its description, default and parser.
import { readIdentityKey } from '../keyring/identity.ts';
import { messageSettings } from './messageSettings.ts';
import {
  absolute,
  databaseUrl,
  flag,
  hostNames,
  integer,
  masterKey,
  networks,
  oneLine,
  oneOf,
  origins,
  rate,
  sender,
  suite1Mode,
  text,
} from './parsers.ts';

/** An invalid setting. The message names the variable, the problem and an example. */
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
  /** Text used if the variable is missing; without it, the setting may be undefined. */
  readonly fallback?: string;
  /** The value may come from the file named by `<NAME>_FILE` and is never shown. */
  readonly secret?: boolean;
  /** That file is refused if other users can access it. */
  readonly isKey?: boolean;
  /**
   * Parses the text of the variable.
   *
   * @throws Error whose message continues a sentence that starts with the variable's name
   */
  readonly parse: (text: string) => T;
}

/** Every variable that the server reads, in the order of the documentation. */
export const settings = {
  HOST: {
    description: 'Address to listen on; `0.0.0.0` listens on all IPv4 interfaces.',
    example: '0.0.0.0',
    fallback: '127.0.0.1',
    parse: text,
  },
  PORT: {
    description: 'Port to listen on; `0` selects a free one.',
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
      'Database: `sqlite:` and a path, or `postgres://user:password@host/name`. Defaults to `vws.db` in `DATA_DIR`.',
    example: 'postgres://vws@db.example.org/vws',
    secret: true,
    parse: databaseUrl,
  },
  DATABASE_POOL_SIZE: {
    description: 'PostgreSQL: maximum number of connections of this process.',
    example: '20',
    fallback: '10',
    parse: integer(1, 1000),
  },
  DATABASE_STATEMENT_TIMEOUT_SECONDS: {
    description: 'PostgreSQL: seconds after which a statement is canceled.',
    example: '5',
    fallback: '10',
    parse: integer(1, 3600),
  },
  DATABASE_CA_FILE: {
    description:
      'PostgreSQL: CA certificates (PEM) used to verify the PostgreSQL server. Connections are then encrypted and verified.',
    example: '/etc/ssl/private-ca.pem',
    parse: absolute,
  },
  VWS_MASTER_KEY: {
    description:
      'The master key: 64 hex characters or base64 of 32 bytes. Defaults to `master.key` in `DATA_DIR`, created at the first start.',
    example: 'the output of: openssl rand -hex 32',
    secret: true,
    isKey: true,
    parse: masterKey,
  },
  EPOCH_FILE: {
    description:
      'File of the epoch key, without which nothing of ended sessions can be decrypted (docs/security.md, Epochs). All processes with one database need the same file. Defaults to the path of the SQLite database with `-epoch`; on PostgreSQL there is none by default.',
    example: '/run/vws/epoch',
    parse: absolute,
  },
  EPOCH_SECONDS: {
    description: 'Seconds after which the epoch key is replaced.',
    example: '300',
    fallback: '60',
    parse: integer(1, 24 * 3600),
  },
  VWS_IDENTITY_KEY: {
    description:
      'Ed25519 private key (PEM) that identifies the server to suite 2 clients. By default created at the first start and stored in the database, encrypted under the master key.',
    example: 'the output of: openssl genpkey -algorithm ed25519',
    secret: true,
    isKey: true,
    parse: readIdentityKey,
  },
  VWS_SUITE1: {
    description:
      'Accept suite 1: `on` over HTTPS (`X-Forwarded-Proto: https` from `TRUSTED_PROXIES`) and from this machine, `insecure` also over plain HTTP, `off` not at all.',
    example: 'off',
    fallback: 'on',
    parse: suite1Mode,
  },
  VWS_DOWNGRADE_PROTECTION: {
    description:
      'Once an account is registered or logged in to with suite 2, refuse suite 1 logins and recoveries for it.',
    example: 'on',
    fallback: 'off',
    parse: flag,
  },
  VWS_REGISTRATION: {
    description:
      'Registration of accounts: `open`, `invite` (suite 2, with a code printed by `vws invite`) or `closed`.',
    example: 'invite',
    fallback: 'open',
    parse: oneOf('open', 'invite', 'closed'),
  },
  MAIL_SERVER: {
    description: 'SMTP server. Without it, emails are written to `mailbox` in `DATA_DIR` and codes appear in the log.',
    example: 'smtp.example.org',
    parse: text,
  },
  MAIL_PORT: {
    description: 'Port of the SMTP server. Defaults to 465 with `MAIL_USE_SSL`, 587 with `MAIL_USE_TLS`, otherwise 25.',
    example: '587',
    parse: integer(1, 65_535),
  },
  MAIL_USE_TLS: {
    description: 'Require STARTTLS.',
    example: 'true',
    fallback: 'false',
    parse: flag,
  },
  MAIL_USE_SSL: { description: 'Connect with TLS from the start.', example: 'true', fallback: 'false', parse: flag },
  MAIL_USERNAME: { description: 'User name for the SMTP server.', example: 'vws', parse: text },
  MAIL_PASSWORD: {
    description: 'Password for the SMTP server.',
    example: 'the SMTP password',
    secret: true,
    parse: text,
  },
  MAIL_DEFAULT_SENDER: {
    description:
      'Sender of emails: an address, optionally with a name. Defaults to `MAIL_USERNAME` if that is an address.',
    example: 'vws@example.org',
    parse: sender,
  },
  MAIL_CA_FILE: {
    description: 'CA certificates (PEM) used to verify the SMTP server. Defaults to the certificates of Node.js.',
    example: '/etc/ssl/private-ca.pem',
    parse: absolute,
  },
  MAIL_SENDER_NAME: {
    description: 'Name of the service in emails, and of the sender if its address has no name.',
    example: 'Example VWS',
    fallback: 'VWS',
    parse: oneLine,
  },
  MAIL_SUBJECT: {
    description: 'Subject of recovery emails.',
    example: 'Reset your Example password',
    fallback: 'Your recovery code',
    parse: oneLine,
  },
  SESSION_IDLE_SECONDS: {
    description: 'Seconds without a request after which a session expires.',
    example: '900',
    fallback: '3600',
    parse: integer(1, 30 * 24 * 3600),
  },
  SESSION_MAX_DAYS: {
    description: 'Days after its start when a session expires, however often it is used; `0` for no limit.',
    example: '7',
    fallback: '90',
    parse: integer(0, 3650),
  },
  MAX_TEXT_BYTES: {
    description: 'Maximum length of a message to encrypt, in bytes of UTF-8.',
    example: '65536',
    fallback: String(1024 * 1024),
    parse: integer(1, 64 * 1024 * 1024),
  },
  ...messageSettings,
  HASH_MEMORY_KIB: {
    description: 'Memory of one Argon2id password hash, in KiB. Stored hashes are upgraded at the next login.',
    example: '65536',
    fallback: String(19 * 1024),
    parse: integer(19 * 1024, 4 * 1024 * 1024),
  },
  HASH_ITERATIONS: {
    description: 'Number of passes of one Argon2id password hash.',
    example: '3',
    fallback: '2',
    parse: integer(2, 100),
  },
  HASH_QUEUE_LIMIT: {
    description:
      'Maximum number of waiting password checks; beyond it, or after 5 seconds of waiting, logins get 503 with Retry-After.',
    example: '100',
    fallback: '500',
    parse: integer(1, 100_000),
  },
  RATE_HANDSHAKES_PER_MINUTE: {
    description: 'Handshakes per minute from one address (IPv6: one /64).',
    example: '600',
    fallback: '6000',
    parse: rate,
  },
  RATE_LOGINS_PER_MINUTE: {
    description:
      'Logins and other password checks per minute from one address. A device token and a logged-in user each have as many of their own.',
    example: '300',
    fallback: '3000',
    parse: rate,
  },
  RATE_FAILED_LOGINS_PER_MINUTE: {
    description:
      'Wrong passwords from one address that are checked; they refill evenly within a minute. A device token and a logged-in user each have as many of their own.',
    example: '30',
    fallback: '100',
    parse: rate,
  },
  RATE_FAILED_LOGINS_PER_DAY: {
    description:
      'Wrong passwords at one account that are checked, from all clients that have not logged in to it before; they refill evenly within a day. A client that has logged in before has as many of its own.',
    example: '50',
    fallback: '100',
    parse: rate,
  },
  RATE_REGISTRATIONS_PER_MINUTE: {
    description:
      'Registrations per minute from one address, including failed ones, which reveal whether a name or address is taken.',
    example: '20',
    fallback: '60',
    parse: rate,
  },
  RATE_REGISTRATIONS_PER_HOUR: {
    description: 'Registrations per hour from one address, including failed ones.',
    example: '20',
    fallback: '200',
    parse: rate,
  },
  RATE_RECOVERIES_PER_MINUTE: {
    description:
      'Recovery requests per minute from one address. A device token, and a recovery after its first request, each have as many of their own.',
    example: '60',
    fallback: '3000',
    parse: rate,
  },
  RATE_RECOVERY_MAILS_PER_HOUR: {
    description:
      'Recovery emails to one mailbox, at most a quarter for one client; they refill evenly within an hour. Beyond it, the code emailed last is valid. `+tag` in an address does not count as another mailbox. Clients that have logged in before have as many of their own; all together get at most twice as many, of which addresses with a tag get half. Registration emails have a limit of the same size. Codes for a new address have the same limit, per full hour.',
    example: '5',
    fallback: '20',
    parse: rate,
  },
  RATE_MAILS_PER_HOUR: {
    description:
      'Requests for emails with codes per hour from one address, to all mailboxes together. A device token has as many of its own for recoveries.',
    example: '20',
    fallback: '200',
    parse: rate,
  },
  RATE_RENAMES_PER_MONTH: {
    description: 'Username changes of one account in 30 days.',
    example: '1',
    fallback: '3',
    parse: rate,
  },
  RATE_MESSAGES_PER_MINUTE: {
    description: 'Token messages per minute that one account can send.',
    example: '10',
    fallback: '60',
    parse: rate,
  },
  RATE_UNKNOWN_SESSIONS_PER_MINUTE: {
    description:
      'Requests with unknown session keys per minute from one address, counted by each process; beyond it, all requests in sessions from that address get 429 with Retry-After.',
    example: '600',
    fallback: '6000',
    parse: rate,
  },
  TRUSTED_PROXIES: {
    description:
      'Comma-separated addresses and networks of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted.',
    example: '127.0.0.1,10.0.0.0/8',
    parse: networks,
  },
  CORS_ORIGINS: {
    description: 'Comma-separated origins of web pages that may call the server. None by default.',
    example: 'https://app.example.org',
    parse: origins,
  },
  ALLOWED_HOSTS: {
    description:
      'Comma-separated host names, other than `localhost`, that clients and untrusted proxies may use for a server that listens on the loopback interface.',
    example: 'vws.example.org',
    parse: hostNames,
  },
  MAX_CONNECTIONS: {
    description: 'Maximum number of open connections; more are refused.',
    example: '1000',
    fallback: '20000',
    parse: integer(1, 1_000_000),
  },
  MAX_CONNECTIONS_PER_ADDRESS: {
    description:
      'Maximum number of open connections from one address (IPv6: one /64); more get 429. `TRUSTED_PROXIES` are exempt.',
    example: '100',
    fallback: '4000',
    parse: integer(1, 1_000_000),
  },
  MAX_BODY_MEMORY_MIB: {
    description:
      'Memory for request bodies, in MiB; beyond it, requests get 503 with Retry-After. At least four of the longest bodies are always accepted.',
    example: '64',
    fallback: '128',
    parse: integer(1, 1_048_576),
  },
  MIN_BODY_BYTES_PER_SECOND: {
    description: 'Lowest rate at which a request body may arrive, measured over 20 seconds; slower ones get 408.',
    example: '2000',
    fallback: '200',
    parse: integer(1, 1_000_000),
  },
  LOG_LEVEL: {
    description: 'Lowest level that is logged: `debug`, `info`, `warn`, `error` or `silent`.',
    example: 'warn',
    fallback: 'info',
    parse: oneOf('debug', 'info', 'warn', 'error', 'silent'),
  },
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof settings;
