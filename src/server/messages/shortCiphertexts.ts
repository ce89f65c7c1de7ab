// Short ciphertexts of suite 1: the server makes the token and stores the text as a token message.
import { hash, randomBytes } from 'node:crypto';
import {
  decodeBody,
  encodeBody,
  SHORT_CIPHERTEXT_LENGTH,
  TOKEN_LENGTH,
  tokenLabels,
} from '../../protocol/tokenMessage.ts';
import { NONCE_LENGTH, openWithNonce, sealWithNonce } from '../crypto/aead.ts';
import { deriveKey } from '../crypto/derive.ts';
import type { Transaction } from '../store/store.ts';
import { findShortMessage, insertTokenMessage, ORIGIN, sumShortCiphertexts } from '../store/tokenMessages.ts';
import { ByteBudget } from './byteBudget.ts';
import { openBody, sealBody } from './storedBody.ts';

/*
 *   ciphertext = base64url( token (16) ‖ first two bytes of SHA-256("vws token check" ‖ token) )    24 characters
 *
 * The token is as in src/protocol/tokenMessage.ts. The server forgets it: the database and the master key do not open the
 * message, nor does the ciphertext alone.
 */
const SHORT_CIPHERTEXT = /^[A-Za-z0-9_-]{24}$/;
const MESSAGE_ID_LENGTH = 16;
/** The key of a body encrypts nothing else. */
const NONCE = new Uint8Array(NONCE_LENGTH);
const CONTEXT = Buffer.from(tokenLabels.body);

/** A text to store, and the recipient's current message key. */
export interface ShortMessageInput {
  readonly senderId: Uint8Array;
  readonly recipientId: Uint8Array;
  /** Milliseconds since 1970. */
  readonly sentAt: number;
  readonly text: string;
  readonly key: { readonly version: number; readonly key: Uint8Array };
}

export interface OpenedShortMessage {
  /** Null if the account was deleted. */
  readonly senderId: Uint8Array | null;
  readonly sentAt: number;
  readonly text: string;
}

interface ShortCiphertextsDependencies {
  readonly keyring: { keyOfVersion(tx: Transaction, userId: Uint8Array, version: number): Promise<Uint8Array> };
  /** Stores texts; otherwise it only opens those that are stored. */
  readonly isEnabled: boolean;
  /** Bytes stored for one sender. */
  readonly quotaBytes: number;
  /** Reserves bytes of the space for all messages. */
  readonly reserveSpace: (transaction: Transaction, bytes: number) => Promise<boolean>;
  readonly clock: () => number;
}

/** Stores texts under short ciphertexts and opens them. */
export class ShortCiphertexts {
  readonly #keyring: ShortCiphertextsDependencies['keyring'];
  readonly #isEnabled: boolean;
  readonly #quota: ByteBudget;
  readonly #reserveSpace: ShortCiphertextsDependencies['reserveSpace'];

  constructor({ keyring, isEnabled, quotaBytes, reserveSpace, clock }: ShortCiphertextsDependencies) {
    this.#keyring = keyring;
    this.#isEnabled = isEnabled;
    this.#quota = new ByteBudget({ maxBytes: quotaBytes, sum: sumShortCiphertexts, clock });
    this.#reserveSpace = reserveSpace;
  }

  /**
   * Stores a text.
   *
   * @returns its ciphertext; undefined if there is no space for it
   */
  async store(tx: Transaction, message: ShortMessageInput): Promise<string | undefined> {
    if (!this.#isEnabled) return undefined;
    const { senderId, recipientId, sentAt, text, key } = message;
    const token = randomBytes(TOKEN_LENGTH);
    const body = sealWithNonce(
      deriveKey(token, tokenLabels.key, tokenLabels.salt),
      NONCE,
      encodeBody(Buffer.from(text)),
      CONTEXT,
    );
    if (!(await this.#quota.reserve(tx, senderId, body.length))) return undefined;
    if (!(await this.#reserveSpace(tx, body.length))) return undefined;
    const owner = { message_id: randomBytes(MESSAGE_ID_LENGTH), recipient_id: recipientId, locator: locatorOf(token) };
    await insertTokenMessage(tx, {
      ...owner,
      origin: ORIGIN.server,
      sender_id: senderId,
      // The sender is found by the id, like that of an envelope.
      sender_name: '',
      key_version: key.version,
      body_bytes: body.length,
      created_at: sentAt,
      expires_at: null,
      max_opens: null,
      receipt: 0,
      sealed_body: sealBody(key.key, owner, body),
    });
    return Buffer.concat([token, checkOf(token)]).toString('base64url');
  }

  /**
   * Opens a short ciphertext for its recipient.
   *
   * @returns undefined, without a reason, if it is not one for this user
   */
  async open(tx: Transaction, userId: Uint8Array, ciphertext: string): Promise<OpenedShortMessage | undefined> {
    const token = parseToken(ciphertext);
    if (!token) return undefined;
    const row = await findShortMessage(tx, locatorOf(token), userId);
    if (!row?.sealed_body) return undefined;
    const key = await this.#keyring.keyOfVersion(tx, userId, row.key_version);
    const body = openBody(key, row, row.sealed_body);
    const padded = openWithNonce(deriveKey(token, tokenLabels.key, tokenLabels.salt), NONCE, body, CONTEXT);
    const content = padded && decodeBody(padded);
    if (!content) throw new Error('a stored text does not open: the database was altered or damaged');
    return { senderId: row.sender_id, sentAt: row.created_at, text: Buffer.from(content).toString('utf8') };
  }
}

/** Reports whether a text has the form of a short ciphertext, which no envelope has. White space is ignored. */
export function isShortCiphertext(text: string): boolean {
  return SHORT_CIPHERTEXT.test(text.replace(/\s+/g, ''));
}

/** @returns undefined if the check value is wrong */
function parseToken(ciphertext: string): Uint8Array | undefined {
  if (!isShortCiphertext(ciphertext)) return undefined;
  const bytes = Buffer.from(ciphertext.replace(/\s+/g, ''), 'base64url');
  const token = bytes.subarray(0, TOKEN_LENGTH);
  return checkOf(token).equals(bytes.subarray(TOKEN_LENGTH, SHORT_CIPHERTEXT_LENGTH)) ? token : undefined;
}

function checkOf(token: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([Buffer.from(tokenLabels.check), token]), 'buffer').subarray(0, 2);
}

function locatorOf(token: Uint8Array): Uint8Array<ArrayBuffer> {
  return deriveKey(token, tokenLabels.locator, tokenLabels.salt);
}
