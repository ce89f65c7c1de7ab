import type { endpoints } from '../protocol/endpoints.ts';
import type { VwsError } from './error.ts';

/** What is asked inside a session. */
export interface Call {
  readonly path: (typeof endpoints)[keyof typeof endpoints]['path'];
  readonly fields: Readonly<Record<string, string>>;
}

/** A request as it goes over the wire, to be sent again just so until there is an answer. It can be kept as JSON. */
export interface PendingRequest {
  /** Relative to the base URL. */
  readonly path: string;
  readonly body: string;
  /** Opens what the answer adds to the keys; base64url. */
  readonly secret?: string | undefined;
}

/** What came back, unopened. */
export interface Reply {
  readonly status: number;
  /** The JSON of the body; undefined if it is none. */
  readonly json: unknown;
  readonly retryAfter: number | undefined;
}

/** The answer to a call: its fields, or the problem that the server has with it. */
export type Outcome = Readonly<Record<string, unknown>> | VwsError;

/** A session between two requests. It does not change: an answer leads to the next step. */
export interface Step {
  readonly fingerprint: string;
  /** All of it as JSON, for {@link Suite.restore}. */
  readonly saved: object;
  /** It was not used for so long that the server may have dropped it; nothing was done in it. */
  isStale(now: number): boolean;
  seal(call: Call, now: number): Promise<PendingRequest>;
  /** Whether the pending request asks for the same. */
  asks(call: Call, pending: PendingRequest): Promise<boolean>;
  /** @throws {Unanswered | Refused} if the reply is no answer to the request */
  open(pending: PendingRequest, reply: Reply): Promise<{ readonly next: Step; readonly outcome: Outcome }>;
}

/** What a handshake needs of its surroundings. */
export interface HandshakeContext {
  post(path: string, body: object): Promise<Reply>;
  now(): number;
  /** The fingerprint that the server must have, if it is known. */
  readonly pin: string | undefined;
  /** Resolves if the user trusts the server with this fingerprint. */
  trust(fingerprint: string): Promise<void>;
}

/** A way to speak inside a session. */
export interface Suite {
  readonly id: 1 | 2;
  /**
   * Opens a session.
   * @param earlier a step of an earlier session with the server, which may spare a question
   * @throws {Unanswered | VwsError}
   */
  start(context: HandshakeContext, earlier?: Step): Promise<Step>;
  /** @returns undefined if this is not what {@link Step.saved} was */
  restore(saved: Readonly<Record<string, unknown>>): Step | undefined;
}

/** There was no answer: the same request may be sent again, and if there never is one, this is the error to report. */
export class Unanswered extends Error {
  readonly error: VwsError;

  constructor(error: VwsError) {
    super(error.message);
    this.error = error;
  }
}

/** The server says that it will never take this request, and that it did not execute it. */
export class Refused extends Error {
  readonly error: VwsError;

  constructor(error: VwsError) {
    super(error.message);
    this.error = error;
  }
}
