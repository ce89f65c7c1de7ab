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
        const { envelope, recipientId } = await messages.encrypt(tx, session.userId, names, fields.message);
        if (session.suite === 1) return { response: { message: envelope } };
        return { response: { message: envelope, recipient_id: formatUserId(recipientId) } };
      },
    },

    decrypt: {
      kind: 'immediate',
      async execute({ fields, session }, tx) {
        const options = { repairLastCharacter: session.suite === 1 };
        const { text, senderId, sentAt } = await messages.decrypt(tx, session.userId, fields.message, options);
        if (session.suite === 1) return { response: { message: text } };
        const names = await accounts.findNames(tx, senderId, sentAt);
        const sender = names?.earlier ?? names?.current ?? null;
        const response = { sender, sender_now: names?.current ?? null, sender_id: formatUserId(senderId) };
        return { response: { message: text, ...response, sent_at: sentAt } };
      },
    },
  };
}

/** Formats a user id in lower-case hex, which cannot be mistaken for the base64url of a session id. */
export function formatUserId(userId: Uint8Array): string {
  return Buffer.from(userId).toString('hex');
}
