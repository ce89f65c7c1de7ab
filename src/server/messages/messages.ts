// Rules of messages: encrypting a text for a user, decrypting a message for the user.
import { Problem } from '../../protocol/problems.ts';
import type { Transaction } from '../store/store.ts';
import { type DecryptedMessage, type OpenOptions, openEnvelope, sealEnvelope } from './envelope.ts';
import { isShortCiphertext, type OpenedShortMessage, type ShortCiphertexts } from './shortCiphertexts.ts';

/** An encrypted text. */
export interface EncryptedMessage {
  /** An envelope or a short ciphertext: see envelope.ts and shortCiphertexts.ts. */
  readonly ciphertext: string;
  readonly recipientId: Uint8Array;
}

export interface EncryptOptions {
  readonly isShort?: boolean;
}

interface MessagesDependencies {
  readonly keyring: {
    currentKey(
      transaction: Transaction,
      userId: Uint8Array,
      now: number,
    ): Promise<{ version: number; key: Uint8Array }>;
    allKeys(transaction: Transaction, userId: Uint8Array): Promise<Uint8Array[]>;
  };
  /** Returns the id of the user with a name, in any spelling. */
  readonly findRecipient: (transaction: Transaction, username: string) => Promise<Uint8Array | undefined>;
  readonly shortCiphertexts: Pick<ShortCiphertexts, 'store' | 'open'>;
  /** Maximum length of a message, in bytes of UTF-8. */
  readonly maxTextBytes: number;
  readonly clock: () => number;
}

/** Encrypts texts for users and decrypts their messages. */
export class Messages {
  readonly #keyring: MessagesDependencies['keyring'];
  readonly #findRecipient: MessagesDependencies['findRecipient'];
  readonly #shortCiphertexts: MessagesDependencies['shortCiphertexts'];
  readonly #maxTextBytes: number;
  readonly #clock: () => number;

  constructor({ keyring, findRecipient, shortCiphertexts, maxTextBytes, clock }: MessagesDependencies) {
    this.#keyring = keyring;
    this.#findRecipient = findRecipient;
    this.#shortCiphertexts = shortCiphertexts;
    this.#maxTextBytes = maxTextBytes;
    this.#clock = clock;
  }

  /**
   * Encrypts a message for the user who has the first known name of the list.
   *
   * @param options.isShort returns a short ciphertext, if there is space for the text
   * @throws Problem `message_too_large`, `user_not_found`
   */
  async encrypt(
    transaction: Transaction,
    senderId: Uint8Array,
    recipientNames: readonly string[],
    text: string,
    { isShort = false }: EncryptOptions = {},
  ): Promise<EncryptedMessage> {
    if (Buffer.byteLength(text) > this.#maxTextBytes) {
      throw new Problem('message_too_large', { detail: `The text has more than ${this.#maxTextBytes} bytes.` });
    }
    for (const name of recipientNames) {
      const recipientId = await this.#findRecipient(transaction, name);
      if (!recipientId) continue;
      const sentAt = this.#clock();
      const key = await this.#keyring.currentKey(transaction, recipientId, sentAt);
      const message = { senderId, sentAt, text };
      const short = isShort && (await this.#shortCiphertexts.store(transaction, { ...message, recipientId, key }));
      return { ciphertext: short || sealEnvelope(key.key, recipientId, message), recipientId };
    }
    throw new Problem('user_not_found');
  }

  /**
   * Decrypts a message that was encrypted for this user.
   *
   * @throws Problem `undecryptable_message`, regardless of the reason
   */
  async decrypt(
    transaction: Transaction,
    userId: Uint8Array,
    ciphertext: string,
    options?: OpenOptions,
  ): Promise<DecryptedMessage | OpenedShortMessage> {
    const message = isShortCiphertext(ciphertext)
      ? await this.#shortCiphertexts.open(transaction, userId, ciphertext)
      : openEnvelope(await this.#keyring.allKeys(transaction, userId), userId, ciphertext, options);
    if (!message) throw new Problem('undecryptable_message');
    return message;
  }
}
