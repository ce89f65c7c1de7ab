// Rules of token messages: sending, opening, ending and listing them.
import { randomBytes } from 'node:crypto';
import { Problem } from '../../protocol/problems.ts';
import type { Transaction } from '../store/store.ts';
import {
  countActiveMessages,
  countForeignAttempt,
  countOpen,
  eraseBody,
  extendMessage,
  findBody,
  findMessageByLocator,
  findSentMessage,
  findSentMessages,
  finishMessage,
  insertTokenMessage,
  keepBody,
  ORIGIN,
  type ReceivedMessage,
  revokeMessage,
  type SentMessage,
} from '../store/tokenMessages.ts';
import { findUserForUpdate } from '../store/users.ts';
import {
  formatCursor,
  readBody,
  readCursor,
  readExpiry,
  readLocator,
  readMaxOpens,
  readMessageId,
  readReceipt,
} from './messageFields.ts';
import { type MessageState, problemOfState, type ShownEnd, shownEndOf, stateOf } from './messageStates.ts';
import { openBody, sealBody } from './storedBody.ts';

/**
 * The largest body, in bytes, whose response is always stored (MAX_STORED_RESPONSE_LENGTH in sessions/ratchet.ts), so that
 * the last open can erase it immediately.
 */
export const MAX_STORED_BODY = 4096;
export const PAGE_LENGTH = 50;
const MESSAGE_ID_LENGTH = 16;
const SECOND_MS = 1000;

export interface MessageLimits {
  readonly defaultDays: number;
  readonly maxDays: number;
  /** Active messages of one sender. */
  readonly quotaCount: number;
  readonly quotaBytes: number;
  /** Active messages from one sender to one recipient. */
  readonly pairQuotaCount: number;
}

interface TokenMessagesDependencies {
  readonly keyring: {
    currentKey(tx: Transaction, userId: Uint8Array, now: number): Promise<{ version: number; key: Uint8Array }>;
    keyOfVersion(tx: Transaction, userId: Uint8Array, version: number): Promise<Uint8Array>;
  };
  /** Returns the id of the user with a name, in any spelling. */
  readonly findRecipient: (transaction: Transaction, username: string) => Promise<Uint8Array | undefined>;
  readonly limits: MessageLimits;
  /** Reserves bytes of the space for all messages. */
  readonly reserveSpace: (transaction: Transaction, bytes: number) => Promise<boolean>;
  /** Maximum length of a message, in bytes of UTF-8. */
  readonly maxTextBytes: number;
  /** Time for which a lost response can be requested again. */
  readonly sessionIdleMs: number;
  readonly clock: () => number;
}

/** The fields of a request to send a message, as texts. */
export interface SendFields {
  readonly username: string;
  readonly locator: string;
  readonly body: string;
  readonly expires_in: string;
  readonly max_opens: string;
  readonly receipt: string;
}

/** Sends, opens, ends and lists token messages. */
export class TokenMessages {
  readonly #keyring: TokenMessagesDependencies['keyring'];
  readonly #findRecipient: TokenMessagesDependencies['findRecipient'];
  readonly #limits: MessageLimits;
  readonly #reserveSpace: TokenMessagesDependencies['reserveSpace'];
  readonly #maxTextBytes: number;
  readonly #sessionIdleMs: number;
  readonly #clock: () => number;

  constructor(dependencies: TokenMessagesDependencies) {
    this.#keyring = dependencies.keyring;
    this.#findRecipient = dependencies.findRecipient;
    this.#limits = dependencies.limits;
    this.#reserveSpace = dependencies.reserveSpace;
    this.#maxTextBytes = dependencies.maxTextBytes;
    this.#sessionIdleMs = dependencies.sessionIdleMs;
    this.#clock = dependencies.clock;
  }

  /**
   * Stores a message.
   *
   * @throws Problem `malformed_request`, `message_too_large`, `invalid_limits`, `user_not_found`, `quota_exceeded`,
   *   `storage_full`, `duplicate_locator`
   */
  async send(tx: Transaction, senderId: Uint8Array, fields: SendFields) {
    const now = this.#clock();
    const locator = readLocator(fields.locator);
    const body = readBody(fields.body, this.#maxTextBytes);
    const expiresAt = now + readExpiry(fields.expires_in, this.#limits) * SECOND_MS;
    const maxOpens = readMaxOpens(fields.max_opens);
    const receipt = readReceipt(fields.receipt) ? 1 : 0;
    const recipientId = await this.#findRecipient(tx, fields.username);
    if (!recipientId) throw new Problem('user_not_found');
    // Locks the sender, so that concurrent messages are counted one after the other.
    const sender = await findUserForUpdate(tx, senderId);
    if (!sender) throw new Problem('not_authenticated');
    // Before space is reserved. Only an account that has the token can send with the locator of a message.
    const existing = await findMessageByLocator(tx, locator);
    if (existing) {
      await this.#noteAttempt(tx, existing, senderId);
      throw new Problem('duplicate_locator');
    }
    await this.#checkQuotas(tx, senderId, recipientId, body.length, now);
    const { version, key } = await this.#keyring.currentKey(tx, recipientId, now);
    const owner = { message_id: randomBytes(MESSAGE_ID_LENGTH), recipient_id: recipientId, locator };
    const isNew = await insertTokenMessage(tx, {
      ...owner,
      origin: ORIGIN.client,
      sender_id: senderId,
      sender_name: sender.username,
      key_version: version,
      body_bytes: body.length,
      created_at: now,
      expires_at: expiresAt,
      max_opens: maxOpens,
      receipt,
      sealed_body: sealBody(key, owner, body),
    });
    if (!isNew) throw new Problem('duplicate_locator');
    return { messageId: owner.message_id, expiresAt, recipientId };
  }

  /**
   * Describes a message for its recipient.
   *
   * @throws Problem `malformed_request`, `message_not_found`
   */
  async inspect(
    tx: Transaction,
    userId: Uint8Array,
    locator: string,
  ): Promise<{ message: ReceivedMessage; state: MessageState }> {
    const message = await this.#receive(tx, userId, readLocator(locator));
    return { message, state: stateOf(message, this.#clock()) };
  }

  /**
   * Returns the body of a message, and counts the open unless the request is repeated.
   *
   * @throws Problem `malformed_request`, `message_not_found`, or the problem of the state of the message
   */
  async open(
    tx: Transaction,
    userId: Uint8Array,
    locatorText: string,
    repeated: boolean,
  ): Promise<{ message: ReceivedMessage; body: Uint8Array }> {
    const now = this.#clock();
    const locator = readLocator(locatorText);
    const keepUntil = now + this.#sessionIdleMs;
    const attempt = { locator, recipientId: userId, now, maxStoredBytes: MAX_STORED_BODY, keepUntil };
    const isCounted = !repeated && (await countOpen(tx, attempt));
    const message = await this.#receive(tx, userId, locator);
    const body = isCounted || repeated ? await this.#readBody(tx, message) : undefined;
    if (!body) {
      const state = stateOf(message, now);
      // Active: the sender extended it after it had expired for this process.
      throw new Problem(problemOfState[state === 'active' ? 'expired' : state]);
    }
    const isLong = message.body_bytes > MAX_STORED_BODY;
    if (repeated && isLong) await keepBody(tx, message.message_id, keepUntil);
    if (isCounted && message.ended_at !== null && !isLong) await eraseBody(tx, message.message_id);
    return { message, body };
  }

  /**
   * Ends a message for its recipient.
   *
   * @throws Problem `malformed_request`, `message_not_found`
   */
  async finish(tx: Transaction, userId: Uint8Array, locator: string): Promise<void> {
    const message = await this.#receive(tx, userId, readLocator(locator));
    await finishMessage(tx, message.message_id, this.#clock());
  }

  /**
   * Lists what a user sent, newest first.
   *
   * @throws Problem `malformed_request`
   */
  async listSent(
    tx: Transaction,
    senderId: Uint8Array,
    cursor: string,
  ): Promise<{ messages: { message: SentMessage; end: ShownEnd }[]; next: string | null }> {
    const now = this.#clock();
    const rows = await findSentMessages(tx, senderId, readCursor(cursor), PAGE_LENGTH + 1);
    const page = rows.slice(0, PAGE_LENGTH);
    const last = rows.length > PAGE_LENGTH ? page.at(-1) : undefined;
    return {
      messages: page.map((message) => ({ message, end: shownEndOf(message, now) })),
      next: last ? formatCursor({ createdAt: last.created_at, messageId: last.message_id }) : null,
    };
  }

  /**
   * Ends a message of its sender.
   *
   * @throws Problem `malformed_request`, `message_not_found`
   */
  async revoke(
    tx: Transaction,
    senderId: Uint8Array,
    messageId: string,
  ): Promise<{ state: MessageState; opens: number | null }> {
    const now = this.#clock();
    const id = readMessageId(messageId);
    await revokeMessage(tx, senderId, id, now);
    const message = await this.#findSent(tx, senderId, id);
    return { state: shownEndOf(message, now).state, opens: message.receipt ? message.opens : null };
  }

  /**
   * Postpones the expiry of a message of its sender.
   *
   * @returns the expiry, in milliseconds since 1970
   * @throws Problem `malformed_request`, `invalid_limits`, `message_not_found`, `message_ended`
   */
  async extend(tx: Transaction, senderId: Uint8Array, messageId: string, expiresIn: string): Promise<number> {
    const now = this.#clock();
    const id = readMessageId(messageId);
    const until = now + readExpiry(expiresIn, this.#limits) * SECOND_MS;
    const expiresAt = await extendMessage(tx, senderId, id, until, now);
    if (expiresAt !== undefined) return expiresAt;
    await this.#findSent(tx, senderId, id);
    throw new Problem('message_ended');
  }

  async #findSent(tx: Transaction, senderId: Uint8Array, messageId: Uint8Array): Promise<SentMessage> {
    const message = await findSentMessage(tx, senderId, messageId);
    if (!message) throw new Problem('message_not_found');
    return message;
  }

  /** Finds a message for its recipient. Counts the attempt of another account. */
  async #receive(tx: Transaction, userId: Uint8Array, locator: Uint8Array): Promise<ReceivedMessage> {
    const message = await findMessageByLocator(tx, locator);
    if (message && isSame(message.recipient_id, userId)) return message;
    if (message) await this.#noteAttempt(tx, message, userId);
    throw new Problem('message_not_found');
  }

  /** Counts the attempt of an account that is neither recipient nor sender. */
  async #noteAttempt(tx: Transaction, message: ReceivedMessage, userId: Uint8Array): Promise<void> {
    const { message_id, sender_id, recipient_id } = message;
    if (isSame(recipient_id, userId) || (sender_id && isSame(sender_id, userId))) return;
    await countForeignAttempt(tx, message_id, this.#clock());
  }

  async #readBody(tx: Transaction, { message_id }: ReceivedMessage): Promise<Uint8Array | undefined> {
    const stored = await findBody(tx, message_id);
    if (!stored?.sealed_body) return undefined;
    const key = await this.#keyring.keyOfVersion(tx, stored.recipient_id, stored.key_version);
    return openBody(key, stored, stored.sealed_body);
  }

  async #checkQuotas(
    tx: Transaction,
    senderId: Uint8Array,
    recipientId: Uint8Array,
    size: number,
    now: number,
  ): Promise<void> {
    const { quotaCount, quotaBytes, pairQuotaCount } = this.#limits;
    const { messages, bytes, toRecipient } = await countActiveMessages(tx, senderId, recipientId, now);
    if (messages >= quotaCount || bytes + size > quotaBytes || toRecipient >= pairQuotaCount) {
      throw new Problem('quota_exceeded');
    }
    if (!(await this.#reserveSpace(tx, size))) throw new Problem('storage_full');
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
