// The tables and columns that a copy consists of.
import type { Row, Schema } from '../../server/store/schema.ts';

/** The tables with data: all except the one with the schema version. */
type DataTable = Exclude<keyof Schema, 'schema_migrations'>;

type Kind = 'integer' | 'text' | 'bytes';
type KindOf<Value> =
  NonNullable<Value> extends number ? 'integer' : NonNullable<Value> extends string ? 'text' : 'bytes';

type Layouts = {
  readonly [T in DataTable]: {
    readonly primaryKey: readonly (keyof Schema[T])[];
    readonly columns: { readonly [C in keyof Row<T>]: KindOf<Row<T>[C]> };
  };
};

/** Ordered so that rows refer only to earlier tables. If a table or column is missing here, it does not compile. */
const layouts: Layouts = {
  master_keys: {
    primaryKey: ['master_key_id'],
    columns: { master_key_id: 'text', created_at: 'integer' },
  },
  identities: {
    primaryKey: ['identity'],
    columns: { identity: 'bytes', sealed_key: 'bytes', created_at: 'integer' },
  },
  kem_keys: {
    primaryKey: ['kid'],
    columns: {
      kid: 'bytes',
      identity: 'bytes',
      descriptor: 'bytes',
      signature: 'bytes',
      sealed_seed: 'bytes',
      not_before: 'integer',
      not_after: 'integer',
      epoch_id: 'bytes',
    },
  },
  users: {
    primaryKey: ['user_id'],
    columns: {
      user_id: 'bytes',
      username: 'text',
      username_key: 'text',
      email: 'text',
      email_key: 'text',
      password_hash: 'text',
      created_at: 'integer',
      min_suite: 'integer',
      login_notices: 'integer',
      email_verified_at: 'integer',
    },
  },
  former_names: {
    primaryKey: ['username_key'],
    columns: { username_key: 'text', user_id: 'bytes', username: 'text', released_at: 'integer' },
  },
  name_history: {
    primaryKey: ['user_id', 'valid_until'],
    columns: { user_id: 'bytes', valid_until: 'integer', username: 'text' },
  },
  name_skeletons: {
    primaryKey: ['skeleton'],
    columns: { skeleton: 'text', user_id: 'bytes' },
  },
  user_keys: {
    primaryKey: ['user_id', 'version'],
    columns: {
      user_id: 'bytes',
      version: 'integer',
      master_key_id: 'text',
      wrapped_key: 'bytes',
      created_at: 'integer',
    },
  },
  token_messages: {
    primaryKey: ['message_id'],
    columns: {
      message_id: 'bytes',
      origin: 'integer',
      locator: 'bytes',
      sender_id: 'bytes',
      sender_name: 'text',
      recipient_id: 'bytes',
      key_version: 'integer',
      body_bytes: 'integer',
      created_at: 'integer',
      expires_at: 'integer',
      max_opens: 'integer',
      opens: 'integer',
      first_opened_at: 'integer',
      last_opened_at: 'integer',
      receipt: 'integer',
      foreign_attempts: 'integer',
      last_foreign_attempt_at: 'integer',
      ended_at: 'integer',
      ended_by: 'integer',
      keep_body_until: 'integer',
      sealed_body: 'bytes',
    },
  },
  recoveries: {
    primaryKey: ['recovery_id'],
    columns: {
      recovery_id: 'bytes',
      user_id: 'bytes',
      code_hash: 'bytes',
      tries: 'integer',
      expires_at: 'integer',
      confirmed_at: 'integer',
      used_at: 'integer',
      email_hash: 'bytes',
      code_id: 'bytes',
      client_key: 'bytes',
      group_key: 'bytes',
    },
  },
  email_changes: {
    primaryKey: ['user_id'],
    columns: {
      user_id: 'bytes',
      new_email: 'text',
      new_email_key: 'text',
      code_hash: 'bytes',
      tries: 'integer',
      expires_at: 'integer',
    },
  },
  pending_registrations: {
    primaryKey: ['registration_id'],
    columns: {
      registration_id: 'bytes',
      sealed_registration: 'bytes',
      code_hash: 'bytes',
      tries: 'integer',
      expires_at: 'integer',
    },
  },
  session_labels: {
    primaryKey: ['session_id'],
    columns: { session_id: 'bytes', user_id: 'bytes', label: 'text', created_at: 'integer' },
  },
  invites: {
    primaryKey: ['code_hash'],
    columns: { code_hash: 'bytes', created_at: 'integer', expires_at: 'integer' },
  },
  session_steps: {
    primaryKey: ['step_id'],
    columns: {
      step_id: 'bytes',
      session_id: 'bytes',
      parent_id: 'bytes',
      suite: 'integer',
      user_id: 'bytes',
      recovery_id: 'bytes',
      sealed_secret: 'bytes',
      request_hash: 'bytes',
      sealed_response: 'bytes',
      repeatable: 'integer',
      used: 'integer',
      last_used_at: 'integer',
      started_at: 'integer',
      epoch_id: 'bytes',
    },
  },
  request_locks: {
    primaryKey: ['step_id', 'request_hash'],
    columns: {
      step_id: 'bytes',
      request_hash: 'bytes',
      lock_token: 'bytes',
      lease_until: 'integer',
      attempts: 'integer',
    },
  },
  login_attempts: {
    primaryKey: ['account_key'],
    columns: { account_key: 'bytes', failures: 'integer', last_attempt_at: 'integer', locked_until: 'integer' },
  },
  known_clients: {
    primaryKey: ['client_hash'],
    columns: { client_hash: 'bytes', user_id: 'bytes', kind: 'integer', last_used_at: 'integer' },
  },
  budgets: {
    primaryKey: ['budget_key'],
    columns: { budget_key: 'bytes', full_at: 'integer' },
  },
  rate_counters: {
    primaryKey: ['counter_key'],
    columns: { counter_key: 'bytes', window_started_at: 'integer', count: 'integer' },
  },
  outbox: {
    primaryKey: ['mail_id'],
    columns: {
      mail_id: 'bytes',
      sealed_mail: 'bytes',
      created_at: 'integer',
      expires_at: 'integer',
      attempts: 'integer',
      next_attempt_at: 'integer',
      lease_token: 'bytes',
    },
  },
};

export interface Column {
  readonly name: string;
  readonly kind: Kind;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  /** In the order of the key. */
  readonly primaryKey: readonly Column[];
}

/** All tables to copy, parents before children. */
export const tables: readonly Table[] = Object.entries(layouts).map(([name, layout]) => {
  const columns = Object.entries(layout.columns).map(([column, kind]): Column => ({ name: column, kind }));
  const keyNames: readonly string[] = layout.primaryKey;
  return { name, columns, primaryKey: keyNames.flatMap((key) => columns.filter((column) => column.name === key)) };
});
