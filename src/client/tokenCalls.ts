// The calls for token messages, which `Vws` inherits.
import { fromBase64Url, toBase64Url } from '../protocol/bytes.ts';
import { concatBytes } from '../protocol/suite2.ts';
import type { Token } from '../protocol/tokenMessage.ts';
import { contactChanged, isSameContact, type Sender, senderOf } from './contacts.ts';
import { VwsError } from './error.ts';
import { type Fields, listOf, numberOf, numberOrNull, textOf, textOrNull, timeOf, timeOrNull } from './fields.ts';
import type { CallOptions, ContactStorage } from './options.ts';
import { tokenBytes } from './payload.ts';
import { type SentMessage, sentMessage } from './sentMessage.ts';
import type { Session } from './session.ts';
import type { Call } from './suite.ts';
import { locatorOf, openBody, sealText } from './tokenMessage.ts';

export type { SentMessage, Token };

/** The name of token messages in the list of features that the server sends with the handshake. */
const FEATURE = 'token-messages';

export type MessageState = 'active' | 'expired' | 'used_up' | 'revoked' | 'finished';

/** Options of {@link TokenCalls.send}. */
export interface SendOptions extends CallOptions {
  /** Seconds until the message expires. Default: chosen by the server, usually 7 days. */
  readonly expiresIn?: number | undefined;
  /** Maximum number of opens; null: without a limit. Default: 1. */
  readonly maxOpens?: number | null | undefined;
  /** Lets the sender see when the message is opened. Default: true. */
  readonly receipt?: boolean | undefined;
}

/** The sender, the time and the limits of a message. */
interface MessageLimits extends Sender {
  readonly sentAt: Date;
  readonly expiresAt: Date;
  /** Number of opens so far. */
  readonly opens: number;
  /** Maximum number of opens; null: without a limit. */
  readonly maxOpens: number | null;
}

/** A message before it is opened. */
export interface MessageInfo extends MessageLimits {
  readonly state: MessageState;
  /** True if the sender sees when the message is opened. */
  readonly receipt: boolean;
  readonly lastOpenedAt: Date | null;
  /** Bytes of the encrypted message, which is padded to one of a few sizes. */
  readonly size: number;
}

/** An opened message. */
export interface OpenedTokenMessage extends MessageLimits {
  readonly text: string;
}

/** A message in the list of its sender. */
export interface SentMessageInfo {
  readonly id: string;
  /** The current username of the recipient. */
  readonly recipient: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly maxOpens: number | null;
  readonly receipt: boolean;
  /** Without a receipt, only `active`, `expired` or `revoked`. */
  readonly state: MessageState;
  readonly endedAt: Date | null;
  /** Number of times that another account, which must know the token, asked for the message. */
  readonly foreignAttempts: number;
  readonly lastForeignAttemptAt: Date | null;
  /** Null without a receipt, as are the next two. */
  readonly opens: number | null;
  readonly firstOpenedAt: Date | null;
  readonly lastOpenedAt: Date | null;
}

/**
 * The calls for token messages. The server stores the encrypted text, and the token, which it never receives, is the key.
 *
 * They need suite 2 and fail with `not_supported`, without sending anything, if the server does not have token messages.
 */
export class TokenCalls {
  readonly #session: Session;
  readonly #contacts: ContactStorage | undefined;

  /** @internal */
  constructor(session: Session, contacts?: ContactStorage) {
    this.#session = session;
    this.#contacts = contacts;
  }

  /**
   * Encrypts a text, stores it on the server and returns its token.
   *
   * @param username the recipient
   * @param text any Unicode text, up to 1 MiB of UTF-8 by default
   * @throws {VwsError} `not_authenticated`, `not_supported`, `user_not_found`, `message_too_large`, `payload_too_large`,
   *   `invalid_limits`, `quota_exceeded`, `storage_full`, `contact_changed`
   * @example
   * const { token, id } = await vws.send('bob', 'Meet me at noon.', { expiresIn: 3600 });
   */
  async send(username: string, text: string, options: SendOptions = {}): Promise<SentMessage> {
    const { expiresIn, maxOpens = 1, receipt = true } = options;
    const limits = {
      expires_in: expiresIn === undefined ? '' : String(expiresIn),
      max_opens: maxOpens === null ? '' : String(maxOpens),
      receipt: receipt ? 'yes' : 'no',
    };
    const { token, locator, body } = await sealText(text);
    const fields = { username, locator: toBase64Url(locator), body: toBase64Url(body), ...limits };
    const digest = await digestOf([username, text, limits]);
    const call = { path: '/send_message', fields, token: { value: toBase64Url(token), digest } } as const;
    const answer = await this.#call(call, options);
    const sent = sentMessage(answer);
    if (await isSameContact(this.#contacts, username, answer.recipient_id)) return sent;
    // Without the token, which is not returned, the message cannot be opened, even if this revocation fails.
    await this.revoke(sent.id, options).catch(() => {});
    throw contactChanged();
  }

  /**
   * Shows the sender, the limits and the state of a message. Does not count as opening it.
   *
   * @param token 22 characters or 16 bytes
   * @throws {VwsError} `not_authenticated`, `not_supported`, `invalid_payload`, `message_not_found`
   * @example
   * const { sender, expiresAt, maxOpens, state } = await vws.inspect(token);
   */
  async inspect(token: Token, options?: CallOptions): Promise<MessageInfo> {
    const fields = await this.#callWithLocator('/inspect_message', token, options);
    return {
      ...(await this.#limitsOf(fields)),
      state: stateOf(fields),
      receipt: fields.receipt === true,
      lastOpenedAt: timeOrNull(fields.last_opened_at),
      size: numberOf(fields, 'size'),
    };
  }

  /**
   * Opens a message, which counts. After a lost response, the same call returns the same text and is counted once.
   *
   * @param token 22 characters or 16 bytes
   * @throws {VwsError} `not_authenticated`, `not_supported`, `invalid_payload`, `message_not_found`, `message_expired`,
   *   `message_used_up`, `message_revoked`, `message_finished`, `undecryptable_message`
   * @example
   * const { text, sender } = await vws.open(token);
   */
  async open(token: Token, options?: CallOptions): Promise<OpenedTokenMessage> {
    const fields = await this.#callWithLocator('/open_message', token, options);
    const body = fromBase64Url(textOf(fields, 'body'));
    const text = body && (await openBody(tokenBytes(token), body));
    if (text === undefined) {
      throw new VwsError('undecryptable_message', 'The token does not decrypt the message, or it is not a text.');
    }
    return { text, ...(await this.#limitsOf(fields)) };
  }

  /**
   * Ends a message as its recipient: it can no longer be opened, and the server erases it. Succeeds also if the message has
   * already ended.
   *
   * @param token 22 characters or 16 bytes
   * @throws {VwsError} `not_authenticated`, `not_supported`, `invalid_payload`, `message_not_found`
   * @example
   * await vws.finish(token);
   */
  async finish(token: Token, options?: CallOptions): Promise<void> {
    await this.#callWithLocator('/finish_message', token, options);
  }

  /**
   * Lists the messages that the account has sent, newest first, 50 at a time.
   *
   * @param options cursor: `next` of the previous page
   * @returns the messages; `next` is null on the last page
   * @throws {VwsError} `not_authenticated`, `not_supported`
   * @example
   * const { messages, next } = await vws.listSent();
   */
  async listSent(
    options: CallOptions & { readonly cursor?: string | undefined } = {},
  ): Promise<{ messages: SentMessageInfo[]; next: string | null }> {
    const { cursor = '' } = options;
    const fields = await this.#call({ path: '/list_sent_messages', fields: { cursor } }, options);
    return { messages: listOf(fields, 'messages').map(sentMessageInfo), next: textOrNull(fields.next) };
  }

  /**
   * Revokes a sent message: it can no longer be opened, and the server erases it. Succeeds also if it has already ended.
   *
   * @param id from {@link send} or {@link listSent}
   * @returns the final state; `opens` is null without a receipt
   * @throws {VwsError} `not_authenticated`, `not_supported`, `message_not_found`
   * @example
   * const { state, opens } = await vws.revoke(id);
   */
  async revoke(id: string, options?: CallOptions): Promise<{ state: MessageState; opens: number | null }> {
    const fields = await this.#call({ path: '/revoke_message', fields: { message_id: id } }, options);
    return { state: stateOf(fields), opens: numberOrNull(fields.opens) };
  }

  /**
   * Lets a sent message expire later.
   *
   * @param id from {@link send} or {@link listSent}
   * @param expiresIn seconds from now; an expiry is never moved to an earlier time
   * @returns the new expiry
   * @throws {VwsError} `not_authenticated`, `not_supported`, `message_not_found`, `message_ended`, `invalid_limits`
   * @example
   * const expiresAt = await vws.extend(id, 7 * 24 * 3600);
   */
  async extend(id: string, expiresIn: number, options?: CallOptions): Promise<Date> {
    const fields = { message_id: id, expires_in: String(expiresIn) };
    return timeOf(await this.#call({ path: '/extend_message', fields }, options), 'expires_at');
  }

  async #callWithLocator(path: Call['path'], token: Token, options?: CallOptions): Promise<Fields> {
    const locator = toBase64Url(await locatorOf(tokenBytes(token)));
    return this.#call({ path, fields: { locator } }, options);
  }

  async #call(call: Call, options?: CallOptions): Promise<Fields> {
    if (!this.#session.supports(FEATURE)) {
      throw new VwsError('not_supported', 'The server does not have token messages, or the session uses suite 1.');
    }
    return this.#session.call(call, options);
  }

  async #limitsOf(fields: Fields): Promise<MessageLimits> {
    return {
      ...(await senderOf(this.#contacts, fields)),
      sentAt: timeOf(fields, 'sent_at'),
      expiresAt: timeOf(fields, 'expires_at'),
      opens: numberOf(fields, 'opens'),
      maxOpens: numberOrNull(fields.max_opens),
    };
  }
}

async function digestOf(args: readonly unknown[]): Promise<string> {
  const bytes = concatBytes(JSON.stringify(args));
  return toBase64Url(new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytes)));
}

function sentMessageInfo(message: Fields): SentMessageInfo {
  return {
    id: textOf(message, 'message_id'),
    recipient: textOf(message, 'recipient'),
    createdAt: timeOf(message, 'created_at'),
    expiresAt: timeOf(message, 'expires_at'),
    maxOpens: numberOrNull(message.max_opens),
    receipt: message.receipt === true,
    state: stateOf(message),
    endedAt: timeOrNull(message.ended_at),
    foreignAttempts: numberOf(message, 'foreign_attempts'),
    lastForeignAttemptAt: timeOrNull(message.last_foreign_attempt_at),
    opens: numberOrNull(message.opens),
    firstOpenedAt: timeOrNull(message.first_opened_at),
    lastOpenedAt: timeOrNull(message.last_opened_at),
  };
}

function stateOf(fields: Fields): MessageState {
  return textOf(fields, 'state') as MessageState;
}
