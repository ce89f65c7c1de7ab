// Handlers of the message endpoints: encrypt and decrypt.
import type { Accounts } from '../accounts/accounts.ts';
import type { Messages } from '../messages/messages.ts';
import type { Handlers } from '../sessions/handler.ts';

export interface MessageHandlersDependencies {
  readonly messages: Messages;
  readonly accounts: Pick<Accounts, 'findName'>;
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
        return { response: { message: await messages.encrypt(tx, session.userId, names, fields.message) } };
      },
    },

    decrypt: {
      kind: 'immediate',
      async execute({ fields, session }, tx) {
        const options = { repairLastCharacter: session.suite === 1 };
        const { text, senderId, sentAt } = await messages.decrypt(tx, session.userId, fields.message, options);
        if (session.suite === 1) return { response: { message: text } };
        const sender = (await accounts.findName(tx, senderId)) ?? null;
        return { response: { message: text, sender, sent_at: sentAt } };
      },
    },
  };
}
