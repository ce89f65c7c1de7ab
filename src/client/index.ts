/** The client of a VWS server, for Node.js from version 20 and for browsers. See docs/sdk.md. */
export { connect } from './connect.ts';
export { type ClientErrorCode, VwsError, type VwsErrorCode, type VwsErrorOptions } from './error.ts';
export type { CallOptions, Clock, ConnectOptions, SessionStorage } from './options.ts';
export type { Suite } from './suite.ts';
export type { Account, OpenedMessage, SessionInfo, Vws } from './vws.ts';
