// Types of all tables.
import type { Generated, Insertable, Kysely, Selectable } from 'kysely';

/** Times are milliseconds since 1970 (UTC); flags are 0 or 1; `*_id` and `*_hash` are bytes. */
export interface Schema {
  schema_migrations: { version: number; applied_at: number };
  master_keys: { master_key_id: string; created_at: number };
  identities: {
    /** Ed25519 public key. */
    identity: Uint8Array;
    sealed_key: Uint8Array;
    created_at: number;
  };
  kem_keys: {
    /** Hash of the identity and the descriptor, which clients use as the key id. */
    kid: Uint8Array;
    /** The identity that signed it. */
    identity: Uint8Array;
    descriptor: Uint8Array;
    signature: Uint8Array;
    sealed_seed: Uint8Array;
    /** The epoch whose key wraps the seed; null if none does. */
    epoch_id: Uint8Array | null;
    not_before: number;
    not_after: number;
  };
  users: {
    user_id: Uint8Array;
    username: string;
    /** Folded name for comparisons: see accounts/username.ts. */
    username_key: string;
    email: string;
    /** Folded address for comparisons: see accounts/email.ts. */
    email_key: string;
    password_hash: string;
    created_at: number;
    /** Oldest suite with which the account accepts a login. */
    min_suite: Generated<number>;
    /** Logins that are reported by mail: 0 none, 1 all, 2 those of new devices. */
    login_notices: Generated<number>;
    /** When a code from its mailbox confirmed the address; null if none did. */
    email_verified_at: Generated<number | null>;
  };
  former_names: {
    username_key: string;
    /** The user who may return to the name and is reached under it; null if the account was deleted. */
    user_id: Uint8Array | null;
    username: string;
    released_at: number;
  };
  name_history: {
    user_id: Uint8Array;
    /** When the user gave up the name. */
    valid_until: number;
    username: string;
  };
  name_skeletons: {
    /** Form of a name that is equal for names that look alike: see accounts/confusables.ts. */
    skeleton: string;
    /** The user it is reserved for; null if the account was deleted. */
    user_id: Uint8Array | null;
  };
  user_keys: {
    user_id: Uint8Array;
    version: number;
    master_key_id: string;
    wrapped_key: Uint8Array;
    created_at: number;
  };
  session_steps: {
    /** Hash of the session key that identifies the step. */
    step_id: Uint8Array;
    session_id: Uint8Array;
    /** The step whose request led here; null for a handshake. */
    parent_id: Uint8Array | null;
    suite: number;
    user_id: Uint8Array | null;
    /** A row of recoveries or of pending_registrations. */
    recovery_id: Uint8Array | null;
    sealed_secret: Uint8Array;
    /** The epoch whose key wraps the secret; null if none does. */
    epoch_id: Uint8Array | null;
    /** Hash of the request that led here; the same bytes again get the stored response. */
    request_hash: Uint8Array | null;
    sealed_response: Uint8Array | null;
    /** 1 if the request that led here can be executed again without changing anything. */
    repeatable: number;
    /** Number of requests with this step. The first one proves that the client has its keys. */
    used: number;
    last_used_at: number;
    /** Start of the session; 0 if a version created it that did not record the time. */
    started_at: Generated<number>;
  };
  request_locks: {
    step_id: Uint8Array;
    request_hash: Uint8Array;
    lock_token: Uint8Array;
    lease_until: number;
    /** Number of executions that came to its password attempt. Only the first one counts it. */
    attempts: Generated<number>;
  };
  login_attempts: {
    /** Keyed hash of the email address, which need not have an account. */
    account_key: Uint8Array;
    failures: number;
    last_attempt_at: number;
    locked_until: number | null;
  };
  /** Devices and networks from which users logged in. */
  known_clients: {
    /** Keyed hash of a device token, or of a user and a network. */
    client_hash: Uint8Array;
    user_id: Uint8Array;
    /** 1 for a network, 2 for a device token. */
    kind: number;
    last_used_at: number;
  };
  budgets: {
    budget_key: Uint8Array;
    /** When everything that was used has refilled. */
    full_at: number;
  };
  recoveries: {
    recovery_id: Uint8Array;
    /** Null if no account has the address. The recovery proceeds anyway and never succeeds. */
    user_id: Uint8Array | null;
    code_hash: Uint8Array;
    tries: number;
    expires_at: number;
    confirmed_at: number | null;
    used_at: number | null;
    /** Keyed hash of the email address; null if a version created the row that did not record it, like the next three. */
    email_hash: Uint8Array | null;
    /** The recovery whose code was mailed: this one, or an earlier one that shares its code with it. */
    code_id: Uint8Array | null;
    /** Subjects of the limits on wrong codes: the client, and the client or the account. */
    client_key: Uint8Array | null;
    group_key: Uint8Array | null;
  };
  /** Registrations that wait for the code from the email. The row of a taken address is alike; its code was not mailed. */
  pending_registrations: {
    registration_id: Uint8Array;
    /** Name, address, password hash and invite: see accounts/pendingRegistrations.ts. */
    sealed_registration: Uint8Array;
    code_hash: Uint8Array;
    tries: number;
    expires_at: number;
  };
  email_changes: {
    user_id: Uint8Array;
    new_email: string;
    new_email_key: string;
    code_hash: Uint8Array;
    tries: number;
    expires_at: number;
  };
  /** A table of its own, because the columns of session_steps are copied at every request. */
  session_labels: { session_id: Uint8Array; user_id: Uint8Array; label: string; created_at: number };
  invites: { code_hash: Uint8Array; created_at: number; expires_at: number };
  token_messages: {
    message_id: Uint8Array;
    /** 1 if a client made it, 2 if the server did: a short ciphertext of suite 1. */
    origin: number;
    locator: Uint8Array;
    /** Null if the account was deleted. */
    sender_id: Uint8Array | null;
    /** At the time of sending. */
    sender_name: string;
    recipient_id: Uint8Array;
    /** Version of the recipient's message key that seals the body. */
    key_version: number;
    /** Size class, in bytes. */
    body_bytes: number;
    created_at: number;
    /** Null if it never expires (origin 2). */
    expires_at: number | null;
    /** Null if it can be opened any number of times. */
    max_opens: number | null;
    opens: Generated<number>;
    first_opened_at: Generated<number | null>;
    last_opened_at: Generated<number | null>;
    /** 1 if the sender learns of opens. */
    receipt: number;
    /** Number of requests for it by accounts that are neither sender nor recipient. */
    foreign_attempts: Generated<number>;
    last_foreign_attempt_at: Generated<number | null>;
    ended_at: Generated<number | null>;
    /** 1 time, 2 opens, 3 sender, 4 recipient, 5 operator. */
    ended_by: Generated<number | null>;
    /** A lost response may still be requested until then; null if it is stored. */
    keep_body_until: Generated<number | null>;
    /** Null after erasure. */
    sealed_body: Uint8Array | null;
  };
  rate_counters: { counter_key: Uint8Array; window_started_at: number; count: number };
  outbox: {
    mail_id: Uint8Array;
    sealed_mail: Uint8Array;
    created_at: number;
    /** Afterwards the email is useless and is dropped. */
    expires_at: number;
    attempts: number;
    /** Due time of the email; during a lease, the expiry of the lease. */
    next_attempt_at: number;
    lease_token: Uint8Array | null;
  };
}

export type Database = Kysely<Schema>;
export type Row<T extends keyof Schema> = Selectable<Schema[T]>;
export type NewRow<T extends keyof Schema> = Insertable<Schema[T]>;
