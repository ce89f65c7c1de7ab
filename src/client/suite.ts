// The interface between the SDK and a protocol suite: calls, session states, replies.
import type { endpoints } from '../protocol/endpoints.ts';
import type { VwsError } from './error.ts';

/** A call inside a session. */
export interface Call {
  readonly path: (typeof endpoints)[keyof typeof endpoints]['path'];
  readonly fields: Readonly<Record<string, string>>;
  /** The token of a call that sends a message. Each attempt has a new one, so it is saved with the request. */
  readonly token?: CallToken | undefined;
}

/** The token of a message that is being sent. */
export interface CallToken {
  readonly value: string;
  /** A hash of the arguments, by which the call is recognized when it is repeated. */
  readonly digest: string;
}

/** A request in wire form. It is resent unchanged until there is a response, and can be stored as JSON. */
export interface PendingRequest {
  /** Relative to the base URL. */
  readonly path: string;
  readonly body: string;
  /** The private key for new key material in the response; base64url. */
  readonly secret?: string | undefined;
  readonly token?: CallToken | undefined;
}

/** A response before decryption. */
export interface Reply {
  readonly status: number;
  /** The parsed body; undefined if it is not JSON. */
  readonly json: unknown;
  /** Seconds. */
  readonly retryAfter: number | undefined;
}

/** The result of a call: the fields of the response, or the problem that the server reports. */
export type Outcome = Readonly<Record<string, unknown>> | VwsError;

/** The keys of a session between two requests. Immutable: a response leads to the next state. */
export interface SessionState {
  /** The fingerprint of the server; empty in suite 1. */
  readonly fingerprint: string;
  /** The complete state as JSON, for {@link Suite.restore}. */
  readonly saved: object;
  /** Returns true if the session was never used and is so old that the server may have dropped it. */
  isStale(now: number): boolean;
  /** Returns false if the server is known not to have the feature. */
  supports(feature: string): boolean;
  seal(call: Call, now: number): Promise<PendingRequest>;
  /** Returns true if the pending request contains the same call. */
  contains(pending: PendingRequest, call: Call): Promise<boolean>;
  /** @throws {NoResponseError | RefusedError} if the reply is not an authentic response to the request */
  open(pending: PendingRequest, reply: Reply): Promise<{ readonly next: SessionState; readonly outcome: Outcome }>;
}

/** The environment of a handshake. */
export interface HandshakeContext {
  post(path: string, body: object): Promise<Reply>;
  now(): number;
  /** The fingerprint that the server must have, if it is known. */
  readonly pin: string | undefined;
  /** Resolves if the user trusts this fingerprint. */
  trust(fingerprint: string): Promise<void>;
}

/** A version of the session protocol: `suite1` of `vws-client/suite1`, or suite 2, the default. */
export interface Suite {
  readonly id: 1 | 2;
  /**
   * Opens a session.
   * @param earlier a state of an earlier session with the server; its cached server key can save a request
   * @throws {NoResponseError | VwsError}
   */
  start(context: HandshakeContext, earlier?: SessionState): Promise<SessionState>;
  /** @returns undefined if this is not a value of {@link SessionState.saved} */
  restore(saved: Readonly<Record<string, unknown>>): SessionState | undefined;
}

/** There was no authentic response. The same request may be resent; if no attempt succeeds, `error` is reported. */
export class NoResponseError extends Error {
  readonly error: VwsError;

  constructor(error: VwsError) {
    super(error.message);
    this.error = error;
  }
}

/** The server will never accept this request and has not executed it. */
export class RefusedError extends Error {
  readonly error: VwsError;

  constructor(error: VwsError) {
    super(error.message);
    this.error = error;
  }
}
