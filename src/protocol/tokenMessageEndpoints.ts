// The rows of the table of endpoints that are about token messages.

export const RECIPIENT_ID = 'The id of the recipient, 32 hex digits, which never changes.';

/** Fields that describe a token message to its recipient. */
const RECEIVED_MESSAGE = {
  sender: 'The name of the sender at the time of sending.',
  sender_now: 'The current name of the sender; null if the account was deleted.',
  sender_id: 'The id of the sender, 32 hex digits, which never changes; null if the account was deleted.',
  sent_at: 'Time of sending, in milliseconds since 1970.',
  expires_at: 'Time of expiry, in milliseconds since 1970.',
  opens: 'How often the message was opened.',
  max_opens: 'How often it can be opened; null: any number of times.',
};
const LOCATOR = 'The locator that the client derived from the token: 43 characters of base64url.';
const EXPIRES_IN = 'Seconds after which the message expires, in decimal; empty: the default of the server.';
const MESSAGE_ID = 'The id of the message, 32 hex digits.';
const MESSAGE_EXPIRES_AT = 'Time of expiry, in milliseconds since 1970.';
const tokenMessage = { access: 'login', suites: [2], feature: 'token-messages' } as const;

export const tokenMessageEndpoints = {
  sendMessage: {
    ...tokenMessage,
    path: '/send_message',
    summary: 'Send a token message',
    description:
      'Stores a message that the client encrypted under a key derived from a token. The server never gets the token.',
    fields: {
      username: 'The name of the recipient.',
      locator: LOCATOR,
      body: 'The encrypted text in base64url, padded to a size class.',
      expires_in: EXPIRES_IN,
      max_opens: 'How often the message can be opened: 1 to 1000; empty: any number of times.',
      receipt: 'Whether the sender learns how often and when it was opened: yes or no.',
    },
    response: { message_id: MESSAGE_ID, expires_at: MESSAGE_EXPIRES_AT, recipient_id: RECIPIENT_ID },
    repeatable: false,
    largeBody: true,
    problems: [
      'not_authenticated',
      'user_not_found',
      'message_too_large',
      'invalid_limits',
      'quota_exceeded',
      'storage_full',
      'duplicate_locator',
    ],
  },
  inspectMessage: {
    ...tokenMessage,
    path: '/inspect_message',
    summary: 'Inspect a token message',
    description: 'Describes a message for the user of this session, in any state, without opening it.',
    fields: { locator: LOCATOR },
    response: {
      state: 'active, expired, used_up, revoked or finished.',
      ...RECEIVED_MESSAGE,
      receipt: 'Whether the sender learns of opens: true or false.',
      last_opened_at: 'Time of the last open, in milliseconds since 1970; null if there was none.',
      size: 'Bytes of the encrypted text.',
    },
    repeatable: false,
    problems: ['not_authenticated', 'message_not_found'],
  },
  openMessage: {
    ...tokenMessage,
    path: '/open_message',
    summary: 'Open a token message',
    description: 'Returns a message for the user of this session, and counts that. A repeated request is not counted.',
    fields: { locator: LOCATOR },
    response: { body: 'The encrypted text in base64url.', ...RECEIVED_MESSAGE },
    repeatable: false,
    rebuildsLongAnswers: true,
    problems: [
      'not_authenticated',
      'message_not_found',
      'message_expired',
      'message_used_up',
      'message_revoked',
      'message_finished',
    ],
  },
  finishMessage: {
    ...tokenMessage,
    path: '/finish_message',
    summary: 'End a received token message',
    description: 'Ends a message for the user of this session and erases it. An ended message is left unchanged.',
    fields: { locator: LOCATOR },
    response: {},
    repeatable: false,
    problems: ['not_authenticated', 'message_not_found'],
  },
  listSentMessages: {
    ...tokenMessage,
    path: '/list_sent_messages',
    summary: 'List sent token messages',
    description: 'Lists the token messages that the user sent, newest first, 50 at a time.',
    fields: { cursor: 'Where the list continues: next of the previous response; empty: at the start.' },
    response: {
      messages:
        'A list of objects with message_id, recipient (current name), created_at, expires_at, max_opens, receipt, state, ended_at, foreign_attempts, last_foreign_attempt_at and, with a receipt, opens, first_opened_at, last_opened_at.',
      next: 'The cursor of the next page; null on the last one.',
    },
    repeatable: true,
    problems: ['not_authenticated'],
  },
  revokeMessage: {
    ...tokenMessage,
    path: '/revoke_message',
    summary: 'Revoke a sent token message',
    description: 'Ends a message that the user sent and erases it. An ended message is left unchanged.',
    fields: { message_id: MESSAGE_ID },
    response: {
      state: 'The state of the message: revoked, or how it ended before.',
      opens: 'How often it was opened; null without a receipt.',
    },
    repeatable: false,
    problems: ['not_authenticated', 'message_not_found'],
  },
  extendMessage: {
    ...tokenMessage,
    path: '/extend_message',
    summary: 'Extend a sent token message',
    description: 'Postpones the expiry of a message that the user sent. It never becomes earlier.',
    fields: { message_id: MESSAGE_ID, expires_in: EXPIRES_IN },
    response: { expires_at: MESSAGE_EXPIRES_AT },
    repeatable: false,
    problems: ['not_authenticated', 'message_not_found', 'message_ended', 'invalid_limits'],
  },
} as const;
