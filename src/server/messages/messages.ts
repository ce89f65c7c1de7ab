import { Problem } from '../../protocol/problems.ts';
import type { Transaction } from '../store/store.ts';
import { type DecryptedMessage, type OpenOptions, openEnvelope, sealEnvelope } from './envelope.ts';

export interface MessagesDependencies {
  readonly keyring: {
    currentKey(transaction: Transaction, userId: Uint8Array, now: number): Promise<Uint8Array>;
    allKeys(transaction: Transaction, userId: Uint8Array): Promise<Uint8Array[]>;
  };
  /** @returns the id of the user that a name, as it came, means */
  readonly findRecipient: (transaction: Transaction, username: string) => Promise<Uint8Array | undefined>;
  /** The longest text, in bytes of UTF-8. */
  readonly maxTextBytes: number;
  readonly clock: () => number;
}

export interface Messages {
  /**
   * Encrypts a text for the first of the names that is a user's.
   *
   * @throws Problem `message_too_large`, `user_not_found`
   */
  encrypt(
    transaction: Transaction,
    senderId: Uint8Array,
    recipientNames: readonly string[],
    text: string,
  ): Promise<string>;
  /**
   * Opens a message that was encrypted for this user.
   *
   * @param options.repairLastCharacter also repairs what the original desktop client's reader does to earlier messages
   * @throws Problem `undecryptable_message`, whatever the reason
   */
  decrypt(
    transaction: Transaction,
    userId: Uint8Array,
    message: string,
    options?: OpenOptions,
  ): Promise<DecryptedMessage>;
}

export function createMessages({ keyring, findRecipient, maxTextBytes, clock }: MessagesDependencies): Messages {
  return {
    async encrypt(tx, senderId, recipientNames, text) {
      if (Buffer.byteLength(text) > maxTextBytes) {
        throw new Problem('message_too_large', { detail: `The text has more than ${maxTextBytes} bytes.` });
      }
      for (const name of recipientNames) {
        const recipientId = await findRecipient(tx, name);
        if (!recipientId) continue;
        const sentAt = clock();
        const key = await keyring.currentKey(tx, recipientId, sentAt);
        return sealEnvelope(key, recipientId, { senderId, sentAt, text });
      }
      throw new Problem('user_not_found');
    },

    async decrypt(tx, userId, envelope, options) {
      const message = openEnvelope(await keyring.allKeys(tx, userId), userId, envelope, options);
      if (!message) throw new Problem('undecryptable_message');
      return message;
    },
  };
}
