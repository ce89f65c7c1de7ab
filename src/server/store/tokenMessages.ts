// Queries of token messages.
import { type ExpressionBuilder, sql } from 'kysely';
import { prepared } from './prepared.ts';
import type { Row, Schema } from './schema.ts';
import type { Transaction } from './store.ts';

/*
 * Every write goes through `secureDelete`: even an insert or an update moves rows between pages of SQLite, and would leave
 * copies of their bodies behind.
 */

/** Values of `origin`. */
export const ORIGIN = { client: 1, server: 2 } as const;
/** Values of `ended_by`. */
export const ENDED_BY = { time: 1, opens: 2, sender: 3, recipient: 4, operator: 5 } as const;

export type TokenMessage = Omit<Row<'token_messages'>, 'sealed_body'>;

/** A message with the current name of its sender, null if the account was deleted. */
export type ReceivedMessage = TokenMessage & { readonly sender_now: string | null };
/** A message with the current name of its recipient. */
export type SentMessage = TokenMessage & { readonly recipient: string };
/** The sealed body of a message, and what it was sealed with. */
export type StoredBody = Pick<
  Row<'token_messages'>,
  'message_id' | 'recipient_id' | 'locator' | 'key_version' | 'sealed_body'
>;

const COLUMNS = [
  'message_id',
  'origin',
  'locator',
  'sender_id',
  'sender_name',
  'recipient_id',
  'key_version',
  'body_bytes',
  'token_messages.created_at',
  'expires_at',
  'max_opens',
  'opens',
  'first_opened_at',
  'last_opened_at',
  'receipt',
  'foreign_attempts',
  'last_foreign_attempt_at',
  'ended_at',
  'ended_by',
  'keep_body_until',
] as const;
const BODY_COLUMNS = ['message_id', 'recipient_id', 'locator', 'key_version', 'sealed_body'] as const;

/** Without a receipt, an end that only the recipient caused: the sender sees the message as if it were active. */
const isHiddenEnd = sql<boolean>`(receipt = 0 AND ended_by IN (2, 4))`;
/** The same text as in the partial index. */
const isCounted = sql<boolean>`(origin = 1 AND (ended_at IS NULL OR receipt = 0 AND ended_by IN (2, 4)))`;

type Messages = ExpressionBuilder<Schema, 'token_messages'>;
/** Matches messages that the sender sees as active. */
const isActiveForSender = (now: number) => (eb: Messages) =>
  eb.and([eb('expires_at', '>', now), eb.or([eb('ended_at', 'is', null), isHiddenEnd])]);

type NewTokenMessage = Omit<
  Row<'token_messages'>,
  | 'opens'
  | 'first_opened_at'
  | 'last_opened_at'
  | 'foreign_attempts'
  | 'last_foreign_attempt_at'
  | 'ended_at'
  | 'ended_by'
  | 'keep_body_until'
>;

const NEW_COLUMNS = [
  'message_id',
  'origin',
  'locator',
  'sender_id',
  'sender_name',
  'recipient_id',
  'key_version',
  'body_bytes',
  'created_at',
  'expires_at',
  'max_opens',
  'receipt',
  'sealed_body',
] as const;

const insert = prepared(NEW_COLUMNS, ({ db }, message: NewTokenMessage) =>
  db
    .insertInto('token_messages')
    .values(message)
    .onConflict((conflict) => conflict.doNothing()),
);

/** @returns false, without a write, if a message has this locator */
export async function insertTokenMessage(tx: Transaction, message: NewTokenMessage): Promise<boolean> {
  const { numAffectedRows } = await tx.secureDelete(() => insert(tx, message));
  return numAffectedRows === 1n;
}

/** The active messages of a sender, as the quotas count them. */
export interface SenderUsage {
  readonly messages: number;
  readonly bytes: number;
  readonly toRecipient: number;
}

export async function countActiveMessages(
  { db }: Transaction,
  senderId: Uint8Array,
  recipientId: Uint8Array,
  now: number,
): Promise<SenderUsage> {
  return db
    .selectFrom('token_messages')
    .select(({ fn, ref }) => [
      fn.countAll<number>().as('messages'),
      sql<number>`CAST(COALESCE(SUM(${ref('body_bytes')}), 0) AS BIGINT)`.as('bytes'),
      sql<number>`COUNT(CASE WHEN ${ref('recipient_id')} = ${recipientId} THEN 1 END)`.as('toRecipient'),
    ])
    .where('sender_id', '=', senderId)
    .where('expires_at', '>', now)
    .where(isCounted)
    .executeTakeFirstOrThrow();
}

/** @returns the bytes of all stored bodies */
export async function sumBodies({ db }: Transaction): Promise<number> {
  const { bytes } = await db
    .selectFrom('token_messages')
    .select(sql<number>`CAST(COALESCE(SUM(body_bytes), 0) AS BIGINT)`.as('bytes'))
    .where('sealed_body', 'is not', null)
    .executeTakeFirstOrThrow();
  return bytes;
}

/** @returns the bytes of the bodies that the server stored for a sender's short ciphertexts */
export async function sumShortCiphertexts({ db }: Transaction, senderId: Uint8Array): Promise<number> {
  const { bytes } = await db
    .selectFrom('token_messages')
    .select(sql<number>`CAST(COALESCE(SUM(body_bytes), 0) AS BIGINT)`.as('bytes'))
    .where('sender_id', '=', senderId)
    .where('origin', '=', ORIGIN.server)
    .executeTakeFirstOrThrow();
  return bytes;
}

/** @returns the message of a client with this locator, for any recipient */
export async function findMessageByLocator(
  { db }: Transaction,
  locator: Uint8Array,
): Promise<ReceivedMessage | undefined> {
  return db
    .selectFrom('token_messages')
    .leftJoin('users', 'users.user_id', 'token_messages.sender_id')
    .select(COLUMNS)
    .select('users.username as sender_now')
    .where('locator', '=', locator)
    .where('origin', '=', ORIGIN.client)
    .executeTakeFirst();
}

/** An open of a message by its recipient. */
export interface OpenAttempt {
  readonly locator: Uint8Array;
  readonly recipientId: Uint8Array;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Messages with a larger body, in bytes, keep it for retries of this request. */
  readonly maxStoredBytes: number;
  /** Until when they keep it, in milliseconds since 1970. */
  readonly keepUntil: number;
}

/**
 * Counts an open, in the statement that checks whether it is allowed.
 *
 * @returns false, without a write, if the user has no active message with this locator
 */
export async function countOpen(tx: Transaction, attempt: OpenAttempt): Promise<boolean> {
  const { locator, recipientId, now, maxStoredBytes, keepUntil } = attempt;
  const { numUpdatedRows } = await tx.secureDelete(() =>
    tx.db
      .updateTable('token_messages')
      .set((eb) => ({
        opens: eb('opens', '+', 1),
        first_opened_at: eb.fn.coalesce('first_opened_at', eb.val(now)),
        last_opened_at: now,
        ended_at: eb.case().when(sql<boolean>`opens + 1 >= max_opens`).then(now).end(),
        ended_by: eb.case().when(sql<boolean>`opens + 1 >= max_opens`).then(ENDED_BY.opens).end(),
        keep_body_until: eb.case().when('body_bytes', '>', maxStoredBytes).then(keepUntil).end(),
      }))
      .where('locator', '=', locator)
      .where('recipient_id', '=', recipientId)
      .where('origin', '=', ORIGIN.client)
      .where('ended_at', 'is', null)
      .where('expires_at', '>', now)
      .executeTakeFirst(),
  );
  return numUpdatedRows === 1n;
}

/** @param until milliseconds since 1970 */
export async function keepBody(tx: Transaction, messageId: Uint8Array, until: number): Promise<void> {
  await update(tx, messageId, { keep_body_until: until });
}

export async function eraseBody(tx: Transaction, messageId: Uint8Array): Promise<void> {
  await update(tx, messageId, { sealed_body: null, keep_body_until: null });
}

async function update(tx: Transaction, messageId: Uint8Array, values: Partial<Row<'token_messages'>>): Promise<void> {
  await tx.secureDelete(() =>
    tx.db.updateTable('token_messages').set(values).where('message_id', '=', messageId).execute(),
  );
}

export async function findBody({ db }: Transaction, messageId: Uint8Array): Promise<StoredBody | undefined> {
  return db.selectFrom('token_messages').select(BODY_COLUMNS).where('message_id', '=', messageId).executeTakeFirst();
}

/** A short ciphertext's message. */
export type ShortMessage = StoredBody & Pick<TokenMessage, 'sender_id' | 'created_at'>;

/** @returns the message of this recipient that the server stored under a locator */
export async function findShortMessage(
  { db }: Transaction,
  locator: Uint8Array,
  recipientId: Uint8Array,
): Promise<ShortMessage | undefined> {
  return db
    .selectFrom('token_messages')
    .select([...BODY_COLUMNS, 'sender_id', 'created_at'])
    .where('locator', '=', locator)
    .where('recipient_id', '=', recipientId)
    .where('origin', '=', ORIGIN.server)
    .executeTakeFirst();
}

/** @param now milliseconds since 1970 */
export async function countForeignAttempt(tx: Transaction, messageId: Uint8Array, now: number): Promise<void> {
  await tx.secureDelete(() =>
    tx.db
      .updateTable('token_messages')
      .set((eb) => ({ foreign_attempts: eb('foreign_attempts', '+', 1), last_foreign_attempt_at: now }))
      .where('message_id', '=', messageId)
      .execute(),
  );
}

/** Ends an active message for its recipient and erases it; leaves an ended one unchanged. */
export async function finishMessage(tx: Transaction, messageId: Uint8Array, now: number): Promise<void> {
  await tx.secureDelete(() =>
    tx.db
      .updateTable('token_messages')
      .set({ ended_at: now, ended_by: ENDED_BY.recipient, sealed_body: null, keep_body_until: null })
      .where('message_id', '=', messageId)
      .where('ended_at', 'is', null)
      .where('expires_at', '>', now)
      .execute(),
  );
}

/** Ends a message that its sender sees as active, and erases it; leaves any other one unchanged. */
export async function revokeMessage(
  tx: Transaction,
  senderId: Uint8Array,
  messageId: Uint8Array,
  now: number,
): Promise<void> {
  await tx.secureDelete(() =>
    tx.db
      .updateTable('token_messages')
      .set({ ended_at: now, ended_by: ENDED_BY.sender, sealed_body: null, keep_body_until: null })
      .where('message_id', '=', messageId)
      .where('sender_id', '=', senderId)
      .where('origin', '=', ORIGIN.client)
      .where(isActiveForSender(now))
      .execute(),
  );
}

/**
 * Postpones the expiry of a message that its sender sees as active.
 *
 * @param expiresAt milliseconds since 1970; an earlier time than the current one changes nothing
 * @returns the expiry; undefined if there is no such message
 */
export async function extendMessage(
  tx: Transaction,
  senderId: Uint8Array,
  messageId: Uint8Array,
  expiresAt: number,
  now: number,
): Promise<number | undefined> {
  const rows = await tx.secureDelete(() =>
    tx.db
      .updateTable('token_messages')
      .set((eb) => ({
        expires_at: eb.case().when('expires_at', '<', expiresAt).then(expiresAt).else(eb.ref('expires_at')).end(),
      }))
      .where('message_id', '=', messageId)
      .where('sender_id', '=', senderId)
      .where('origin', '=', ORIGIN.client)
      .where(isActiveForSender(now))
      .returning('expires_at')
      .execute(),
  );
  return rows[0]?.expires_at ?? undefined;
}

function sentMessages({ db }: Transaction, senderId: Uint8Array) {
  return db
    .selectFrom('token_messages')
    .innerJoin('users', 'users.user_id', 'token_messages.recipient_id')
    .select(COLUMNS)
    .select('users.username as recipient')
    .where('sender_id', '=', senderId)
    .where('origin', '=', ORIGIN.client);
}

export async function findSentMessage(
  tx: Transaction,
  senderId: Uint8Array,
  messageId: Uint8Array,
): Promise<SentMessage | undefined> {
  return sentMessages(tx, senderId).where('message_id', '=', messageId).executeTakeFirst();
}

/** The position of a message in the list of its sender. Times are not unique. */
export interface ListPosition {
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly messageId: Uint8Array;
}

/** @returns messages of a sender, newest first, from the one after `after` on */
export async function findSentMessages(
  tx: Transaction,
  senderId: Uint8Array,
  after: ListPosition | undefined,
  limit: number,
): Promise<SentMessage[]> {
  return sentMessages(tx, senderId)
    .$if(after !== undefined, (query) =>
      query.where(({ eb, refTuple, tuple }) =>
        eb(
          refTuple('token_messages.created_at', 'message_id'),
          '<',
          tuple(after?.createdAt ?? 0, after?.messageId ?? new Uint8Array()),
        ),
      ),
    )
    .orderBy('token_messages.created_at', 'desc')
    .orderBy('message_id', 'desc')
    .limit(limit)
    .execute();
}
