// Handlers of the message endpoints: encrypt and decrypt.
import type { Accounts } from '../accounts/accounts.ts';
import type { Messages } from '../messages/messages.ts';
import type { Handlers } from '../sessions/handler.ts';

export interface MessageHandlersDependencies {
  readonly messages: Messages;
  readonly accounts: Pick<Accounts, 'findNames'>;
}

export function createMessageHandlers({
  messages,
  accounts,
}: MessageHandlersDependencies): Pick<Handlers, 'encrypt' | 'decrypt'> {
  return {
    encrypt: {
      kind: 'immediate',
      async execute({ fields, session, recipientNames }, tx) {
        const names = fields.username === undefined ? recipientNames : [fields.username];
        const isSuite1 = session.suite === 1;
        const options = { isShort: isSuite1 };
        const encrypted = await messages.encrypt(tx, session.userId, names, fields.message, options);
        const { ciphertext, recipientId } = encrypted;
        if (isSuite1) return { response: { message: ciphertext } };
        return { response: { message: ciphertext, recipient_id: formatUserId(recipientId) } };
      },
    },

    decrypt: {
      kind: 'immediate',
      async execute({ fields, session }, tx) {
        const options = { repairLastCharacter: session.suite === 1 };
        const { text, senderId, sentAt } = await messages.decrypt(tx, session.userId, fields.message, options);
        if (session.suite === 1) return { response: { message: text } };
        const names = senderId ? await accounts.findNames(tx, senderId, sentAt) : undefined;
        const sender = names?.earlier ?? names?.current ?? null;
        const response = { sender, sender_now: names?.current ?? null, sender_id: senderId && formatUserId(senderId) };
        return { response: { message: text, ...response, sent_at: sentAt } };
      },
    },
  };
}

/** Formats a user id in lower-case hex, which cannot be mistaken for the base64url of a session id. */
export function formatUserId(userId: Uint8Array): string {
  return Buffer.from(userId).toString('hex');
}
