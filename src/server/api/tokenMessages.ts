// Handlers of the endpoints of token messages.
import type { tokenMessageEndpoints } from '../../protocol/tokenMessageEndpoints.ts';
import type { RateLimitCheck } from '../limits/rateLimiter.ts';
import type { ShownEnd } from '../messages/messageStates.ts';
import type { TokenMessages } from '../messages/tokenMessages.ts';
import type { Handlers } from '../sessions/handler.ts';
import type { ReceivedMessage, SentMessage } from '../store/tokenMessages.ts';
import { formatUserId } from './messages.ts';

export interface TokenMessageHandlersDependencies {
  readonly tokenMessages: TokenMessages;
  readonly checkRateLimit: { readonly messages: RateLimitCheck };
}

export function createTokenMessageHandlers({
  tokenMessages,
  checkRateLimit,
}: TokenMessageHandlersDependencies): Pick<Handlers, keyof typeof tokenMessageEndpoints> {
  return {
    sendMessage: {
      kind: 'immediate',
      async execute({ fields, session }, tx) {
        // The limit is per account, which is known only now.
        await checkRateLimit.messages(tx, formatUserId(session.userId));
        // The suite requires all fields of the endpoint.
        const { messageId, expiresAt, recipientId } = await tokenMessages.send(tx, session.userId, {
          ...fields,
          username: fields.username,
        });
        const response = { message_id: formatMessageId(messageId), expires_at: expiresAt };
        return { response: { ...response, recipient_id: formatUserId(recipientId) } };
      },
    },

    inspectMessage: {
      kind: 'immediate',
      async execute({ fields, session }, tx) {
        const { message, state } = await tokenMessages.inspect(tx, session.userId, fields.locator);
        const { receipt, last_opened_at, body_bytes } = message;
        const rest = { receipt: receipt === 1, last_opened_at, size: body_bytes };
        return { response: { state, ...describeReceived(message), ...rest } };
      },
    },

    openMessage: {
      kind: 'immediate',
      async execute({ fields, session, repeated }, tx) {
        const { message, body } = await tokenMessages.open(tx, session.userId, fields.locator, repeated);
        return { response: { body: Buffer.from(body).toString('base64url'), ...describeReceived(message) } };
      },
    },

    finishMessage: {
      kind: 'immediate',
      async execute({ fields, session }, tx) {
        await tokenMessages.finish(tx, session.userId, fields.locator);
        return {};
      },
    },

    listSentMessages: {
      kind: 'immediate',
      async execute({ fields, session }, tx) {
        const { messages, next } = await tokenMessages.listSent(tx, session.userId, fields.cursor);
        return { response: { messages: messages.map(({ message, end }) => describeSent(message, end)), next } };
      },
    },

    revokeMessage: {
      kind: 'immediate',
      async execute({ fields, session }, tx) {
        const { state, opens } = await tokenMessages.revoke(tx, session.userId, fields.message_id);
        return { response: { state, opens } };
      },
    },

    extendMessage: {
      kind: 'immediate',
      async execute({ fields, session }, tx) {
        const { message_id, expires_in } = fields;
        return { response: { expires_at: await tokenMessages.extend(tx, session.userId, message_id, expires_in) } };
      },
    },
  };
}

function formatMessageId(messageId: Uint8Array): string {
  return Buffer.from(messageId).toString('hex');
}

function describeReceived(message: ReceivedMessage) {
  const { sender_name, sender_now, sender_id, created_at, expires_at, opens, max_opens } = message;
  return {
    sender: sender_name,
    sender_now,
    sender_id: sender_id && formatUserId(sender_id),
    sent_at: created_at,
    expires_at,
    opens,
    max_opens,
  };
}

function describeSent(message: SentMessage, { state, endedAt }: ShownEnd) {
  const { message_id, recipient, created_at, expires_at, max_opens, receipt } = message;
  const { foreign_attempts, last_foreign_attempt_at, opens, first_opened_at, last_opened_at } = message;
  return {
    message_id: formatMessageId(message_id),
    recipient,
    created_at,
    expires_at,
    max_opens,
    receipt: receipt === 1,
    state,
    ended_at: endedAt,
    foreign_attempts,
    last_foreign_attempt_at,
    ...(receipt === 1 && { opens, first_opened_at, last_opened_at }),
  };
}
