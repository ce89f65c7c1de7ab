// The schema of both engines, as a list of migrations.
import { type Kysely, sql } from 'kysely';
import type { Engine } from './store.ts';

interface Migration {
  readonly version: number;
  /** SQL statements with the column types of the engine. */
  readonly statements: (types: ColumnTypes) => readonly string[];
}

interface ColumnTypes {
  readonly bytes: string;
  readonly integer: string;
  /** Table options after the closing parenthesis. */
  readonly table: string;
}

const columnTypes: Record<Engine, ColumnTypes> = {
  sqlite: { bytes: 'BLOB', integer: 'INTEGER', table: 'STRICT' },
  postgres: { bytes: 'BYTEA', integer: 'BIGINT', table: '' },
};

const accountTables = ({ bytes, integer, table }: ColumnTypes): string[] => [
  `CREATE TABLE master_keys (
    master_key_id TEXT PRIMARY KEY,
    created_at ${integer} NOT NULL
  ) ${table}`,
  `CREATE TABLE users (
    user_id ${bytes} PRIMARY KEY,
    username TEXT NOT NULL,
    username_key TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    created_at ${integer} NOT NULL
  ) ${table}`,
  `CREATE TABLE user_keys (
    user_id ${bytes} NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    version ${integer} NOT NULL,
    master_key_id TEXT NOT NULL REFERENCES master_keys (master_key_id),
    wrapped_key ${bytes} NOT NULL,
    created_at ${integer} NOT NULL,
    PRIMARY KEY (user_id, version)
  ) ${table}`,
  `CREATE TABLE recoveries (
    recovery_id ${bytes} PRIMARY KEY,
    user_id ${bytes} REFERENCES users (user_id) ON DELETE CASCADE,
    code_hash ${bytes} NOT NULL,
    tries ${integer} NOT NULL,
    expires_at ${integer} NOT NULL,
    confirmed_at ${integer},
    used_at ${integer}
  ) ${table}`,
  'CREATE INDEX recoveries_by_expiry ON recoveries (expires_at)',
  'CREATE INDEX recoveries_by_user ON recoveries (user_id) WHERE user_id IS NOT NULL',
];

const sessionTables = ({ bytes, integer, table }: ColumnTypes): string[] => [
  `CREATE TABLE session_steps (
    step_id ${bytes} PRIMARY KEY,
    session_id ${bytes} NOT NULL,
    parent_id ${bytes},
    suite ${integer} NOT NULL,
    user_id ${bytes} REFERENCES users (user_id) ON DELETE CASCADE,
    recovery_id ${bytes},
    sealed_secret ${bytes} NOT NULL,
    request_hash ${bytes},
    sealed_response ${bytes},
    repeatable ${integer} NOT NULL,
    used ${integer} NOT NULL,
    last_used_at ${integer} NOT NULL
  ) ${table}`,
  'CREATE INDEX session_steps_by_session ON session_steps (session_id)',
  'CREATE UNIQUE INDEX session_steps_by_request ON session_steps (parent_id, request_hash) WHERE request_hash IS NOT NULL',
  'CREATE INDEX session_steps_by_user ON session_steps (user_id) WHERE user_id IS NOT NULL',
  'CREATE INDEX session_steps_by_last_use ON session_steps (last_used_at)',
  `CREATE TABLE request_locks (
    step_id ${bytes} NOT NULL,
    request_hash ${bytes} NOT NULL,
    lock_token ${bytes} NOT NULL,
    lease_until ${integer} NOT NULL,
    PRIMARY KEY (step_id, request_hash)
  ) ${table}`,
  'CREATE INDEX request_locks_by_lease ON request_locks (lease_until)',
];

const limitTables = ({ bytes, integer, table }: ColumnTypes): string[] => [
  `CREATE TABLE login_attempts (
    account_key ${bytes} PRIMARY KEY,
    failures ${integer} NOT NULL,
    last_attempt_at ${integer} NOT NULL,
    locked_until ${integer}
  ) ${table}`,
  'CREATE INDEX login_attempts_by_time ON login_attempts (last_attempt_at)',
  `CREATE TABLE rate_counters (
    counter_key ${bytes} PRIMARY KEY,
    window_started_at ${integer} NOT NULL,
    count ${integer} NOT NULL
  ) ${table}`,
  'CREATE INDEX rate_counters_by_window ON rate_counters (window_started_at)',
];

const outboxTable = ({ bytes, integer, table }: ColumnTypes): string[] => [
  `CREATE TABLE outbox (
    mail_id ${bytes} PRIMARY KEY,
    sealed_mail ${bytes} NOT NULL,
    created_at ${integer} NOT NULL,
    expires_at ${integer} NOT NULL,
    attempts ${integer} NOT NULL,
    next_attempt_at ${integer} NOT NULL,
    lease_token ${bytes}
  ) ${table}`,
  'CREATE INDEX outbox_by_next_attempt ON outbox (next_attempt_at)',
];

const suite2Tables = ({ bytes, integer, table }: ColumnTypes): string[] => [
  `ALTER TABLE users ADD COLUMN min_suite ${integer} NOT NULL DEFAULT 1`,
  `ALTER TABLE session_steps ADD COLUMN started_at ${integer} NOT NULL DEFAULT 0`,
  // An answered step is found among the few steps of its session; this index was the most expensive part of a request.
  'DROP INDEX session_steps_by_request',
  `CREATE TABLE identities (
    identity ${bytes} PRIMARY KEY,
    sealed_key ${bytes} NOT NULL,
    created_at ${integer} NOT NULL
  ) ${table}`,
  `CREATE TABLE kem_keys (
    kid ${bytes} PRIMARY KEY,
    identity ${bytes} NOT NULL,
    descriptor ${bytes} NOT NULL,
    signature ${bytes} NOT NULL,
    sealed_seed ${bytes} NOT NULL,
    not_before ${integer} NOT NULL,
    not_after ${integer} NOT NULL
  ) ${table}`,
  'CREATE INDEX kem_keys_by_end ON kem_keys (not_after)',
  'CREATE INDEX session_steps_unused ON session_steps (last_used_at) WHERE suite = 2 AND used = 0 AND parent_id IS NULL',
  // The flag becomes a count. It does not say how many requests there were, so assume more than one.
  'UPDATE session_steps SET used = 2 WHERE used = 1',
];

const sessionLimits = ({ bytes }: ColumnTypes): string[] => [
  'DROP INDEX session_steps_unused',
  'CREATE INDEX session_steps_unused ON session_steps (suite, last_used_at) WHERE used = 0 AND parent_id IS NULL',
  // Their ids do not contain the identity, and clients would not recognize them. The server creates new keys.
  'DELETE FROM kem_keys',
  `ALTER TABLE session_steps ADD COLUMN epoch_id ${bytes}`,
  `ALTER TABLE kem_keys ADD COLUMN epoch_id ${bytes}`,
];

const loginTables = ({ bytes, integer, table }: ColumnTypes): string[] => [
  `CREATE TABLE known_clients (
    client_hash ${bytes} PRIMARY KEY,
    user_id ${bytes} NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    kind ${integer} NOT NULL,
    last_used_at ${integer} NOT NULL
  ) ${table}`,
  'CREATE INDEX known_clients_by_user ON known_clients (user_id)',
  'CREATE INDEX known_clients_by_last_use ON known_clients (last_used_at)',
  `CREATE TABLE budgets (
    budget_key ${bytes} PRIMARY KEY,
    full_at ${integer} NOT NULL
  ) ${table}`,
  'CREATE INDEX budgets_by_time ON budgets (full_at)',
  ...['email_hash', 'code_id', 'client_key', 'group_key'].map(
    (column) => `ALTER TABLE recoveries ADD COLUMN ${column} ${bytes}`,
  ),
  'CREATE INDEX recoveries_by_email ON recoveries (email_hash) WHERE email_hash IS NOT NULL',
];

const accountChangeTables = ({ bytes, integer, table }: ColumnTypes): string[] => [
  `ALTER TABLE users ADD COLUMN login_notices ${integer} NOT NULL DEFAULT 0`,
  `CREATE TABLE email_changes (
    user_id ${bytes} PRIMARY KEY REFERENCES users (user_id) ON DELETE CASCADE,
    new_email TEXT NOT NULL,
    new_email_key TEXT NOT NULL,
    code_hash ${bytes} NOT NULL,
    tries ${integer} NOT NULL,
    expires_at ${integer} NOT NULL
  ) ${table}`,
  'CREATE INDEX email_changes_by_expiry ON email_changes (expires_at)',
  `CREATE TABLE session_labels (
    session_id ${bytes} PRIMARY KEY,
    user_id ${bytes} NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    created_at ${integer} NOT NULL
  ) ${table}`,
  'CREATE INDEX session_labels_by_user ON session_labels (user_id)',
  `CREATE TABLE invites (
    code_hash ${bytes} PRIMARY KEY,
    created_at ${integer} NOT NULL,
    expires_at ${integer} NOT NULL
  ) ${table}`,
  'CREATE INDEX invites_by_expiry ON invites (expires_at)',
];

const nameTables = ({ bytes, integer, table }: ColumnTypes): string[] => [
  `CREATE TABLE IF NOT EXISTS former_names (
    username_key TEXT PRIMARY KEY,
    user_id ${bytes},
    username TEXT NOT NULL,
    released_at ${integer} NOT NULL
  ) ${table}`,
  `CREATE TABLE name_history (
    user_id ${bytes} NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    valid_until ${integer} NOT NULL,
    username TEXT NOT NULL,
    PRIMARY KEY (user_id, valid_until)
  ) ${table}`,
  `CREATE TABLE name_skeletons (
    skeleton TEXT PRIMARY KEY,
    user_id ${bytes} REFERENCES users (user_id) ON DELETE SET NULL
  ) ${table}`,
  'CREATE INDEX name_skeletons_by_user ON name_skeletons (user_id) WHERE user_id IS NOT NULL',
];

const registrationTables = ({ bytes, integer, table }: ColumnTypes): string[] => [
  `ALTER TABLE users ADD COLUMN email_verified_at ${integer}`,
  `CREATE TABLE pending_registrations (
    registration_id ${bytes} PRIMARY KEY,
    sealed_registration ${bytes} NOT NULL,
    code_hash ${bytes} NOT NULL,
    tries ${integer} NOT NULL,
    expires_at ${integer} NOT NULL
  ) ${table}`,
  'CREATE INDEX pending_registrations_by_expiry ON pending_registrations (expires_at)',
];

const requestAttempts = ({ integer }: ColumnTypes): string[] => [
  `ALTER TABLE request_locks ADD COLUMN attempts ${integer} NOT NULL DEFAULT 0`,
];

/**
 * A long column comes last, because SQLite reads a row up to the columns that it needs. An end that the sender must not
 * notice (no receipt; used up or finished) counts as one at the expiry.
 */
const tokenMessageTables = ({ bytes, integer, table }: ColumnTypes): string[] => [
  `CREATE TABLE token_messages (
    message_id ${bytes} PRIMARY KEY,
    origin ${integer} NOT NULL,
    locator ${bytes} NOT NULL UNIQUE,
    sender_id ${bytes} REFERENCES users (user_id) ON DELETE SET NULL,
    sender_name TEXT NOT NULL,
    recipient_id ${bytes} NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    key_version ${integer} NOT NULL,
    body_bytes ${integer} NOT NULL,
    created_at ${integer} NOT NULL,
    expires_at ${integer},
    max_opens ${integer},
    opens ${integer} NOT NULL DEFAULT 0,
    first_opened_at ${integer},
    last_opened_at ${integer},
    receipt ${integer} NOT NULL,
    foreign_attempts ${integer} NOT NULL DEFAULT 0,
    last_foreign_attempt_at ${integer},
    ended_at ${integer},
    ended_by ${integer},
    keep_body_until ${integer},
    sealed_body ${bytes}
  ) ${table}`,
  // The size makes the sum of a sender's short ciphertexts a scan of the index alone.
  'CREATE INDEX token_messages_by_sender ON token_messages (sender_id, origin, created_at, message_id, body_bytes)',
  'CREATE INDEX token_messages_by_recipient ON token_messages (recipient_id)',
  `CREATE INDEX token_messages_counted ON token_messages (sender_id, expires_at, recipient_id, body_bytes)
    WHERE origin = 1 AND (ended_at IS NULL OR receipt = 0 AND ended_by IN (2, 4))`,
  'CREATE INDEX token_messages_by_expiry ON token_messages (expires_at) WHERE ended_at IS NULL AND expires_at IS NOT NULL',
  `CREATE INDEX token_messages_by_end ON token_messages
    ((CASE WHEN receipt = 0 AND ended_by IN (2, 4) THEN expires_at ELSE ended_at END)) WHERE ended_at IS NOT NULL`,
  `CREATE INDEX token_messages_to_erase ON token_messages (keep_body_until)
    WHERE ended_at IS NOT NULL AND sealed_body IS NOT NULL`,
  'CREATE INDEX token_messages_by_size ON token_messages (body_bytes) WHERE sealed_body IS NOT NULL',
];

/** A released migration must never change, because databases have it. */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    statements: (types) => [accountTables, sessionTables, limitTables, outboxTable].flatMap((tables) => tables(types)),
  },
  { version: 2, statements: suite2Tables },
  { version: 3, statements: sessionLimits },
  { version: 4, statements: loginTables },
  { version: 5, statements: accountChangeTables },
  { version: 6, statements: nameTables },
  { version: 7, statements: registrationTables },
  { version: 8, statements: tokenMessageTables },
  { version: 9, statements: requestAttempts },
];

/** The schema version that this program reads and writes. */
export const SCHEMA_VERSION = Math.max(...migrations.map((migration) => migration.version));

/**
 * Migrates a database to {@link SCHEMA_VERSION}. Call it inside a transaction that excludes other migrating processes.
 *
 * @returns the applied versions, in order
 * @throws Error if the database has a newer schema; it is not changed
 */
export async function migrate<S>(database: Kysely<S>, engine: Engine, now: number): Promise<number[]> {
  const types = columnTypes[engine];
  await sql`
    CREATE TABLE IF NOT EXISTS schema_migrations (
      version ${sql.raw(types.integer)} PRIMARY KEY,
      applied_at ${sql.raw(types.integer)} NOT NULL
    ) ${sql.raw(types.table)}`.execute(database);
  const { rows } = await sql<{ version: number }>`SELECT version FROM schema_migrations`.execute(database);
  const present = new Set(rows.map((row) => row.version));
  const newest = Math.max(0, ...present);
  if (newest > SCHEMA_VERSION) {
    throw new Error(
      `The database has schema version ${newest}, but this program knows only ${SCHEMA_VERSION}. Start a newer version of the server.`,
    );
  }
  const missing = migrations.filter((migration) => !present.has(migration.version));
  for (const migration of missing) {
    for (const statement of migration.statements(types)) await sql.raw(statement).execute(database);
    await sql`INSERT INTO schema_migrations (version, applied_at) VALUES (${migration.version}, ${now})`.execute(
      database,
    );
  }
  return missing.map((migration) => migration.version);
}
