// The public API of the SDK, for Node.js 20 or later and browsers. See docs/sdk.md.
export { connect } from './connect.ts';
export { type ClientErrorCode, VwsError, type VwsErrorCode, type VwsErrorOptions } from './error.ts';
export type { CallOptions, Clock, ConnectOptions, ContactStorage, SessionStorage } from './options.ts';
export { type Payload, parsePayload, tokenBytes } from './payload.ts';
export type { Registration, RegistrationResult } from './registration.ts';
export type { Suite } from './suite.ts';
export type {
  MessageInfo,
  MessageState,
  OpenedTokenMessage,
  SendOptions,
  SentMessage,
  SentMessageInfo,
  Token,
} from './tokenCalls.ts';
export type { Account, DecryptedMessage, SessionInfo, Vws } from './vws.ts';
