import type { Endpoint } from '../../../protocol/endpoints.ts';
import type { Problem } from '../../../protocol/problems.ts';
import type { Transaction } from '../../store/store.ts';

/** What a client holds of one step of its session. */
export interface StepKeys {
  /** Names the step on the wire; whoever knows it alone opens the stored secret. */
  readonly sessionKey: string;
  /** Seals the request made with this step and opens its answer. What it is, the suite decides. */
  readonly secret: Uint8Array;
}

/** A JSON body as it came: an object with fields of any type. */
export type Body = Readonly<Record<string, unknown>>;

/** A request inside a session, still sealed. */
export interface SealedRequest {
  readonly endpoint: Endpoint;
  readonly sessionKey: string;
  readonly body: Body;
  /** The request as it was sent, its path included: the same bytes are the same request. */
  readonly bytes: readonly Uint8Array[];
}

/** Fields of an answer. */
export type AnswerFields = Readonly<Record<string, unknown>>;

/** What came of a request: fields to seal, or the problem that it met. */
export type Outcome = { readonly fields: AnswerFields } | { readonly problem: Problem };

/** What goes out, and is kept until the client proves that it arrived. */
export interface WireAnswer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

/** The next step, and the answer that tells the client of it. */
export interface NextStep {
  readonly keys: StepKeys;
  readonly answer: WireAnswer;
  /** What has to be kept to seal another answer that leads to the same next step. */
  readonly keyEstablishment?: Uint8Array;
}

/** A request whose seal held. */
export interface UnsealedRequest {
  /** The texts that the endpoint asks for, or what is wrong with what came in their place. */
  readonly fields: Readonly<Record<string, string>> | Problem;
  /**
   * Seals the answer.
   *
   * @param keyEstablishment of an answer to the same request that was not kept: the next step is then the same
   */
  seal(outcome: Outcome, keyEstablishment?: Uint8Array): NextStep;
}

/** What a handshake leads to: a session, or what the client has to know before there can be one. */
export interface Handshake {
  readonly answer: WireAnswer;
  readonly session?: { readonly id: Uint8Array; readonly keys: StepKeys };
}

/** A way of sealing sessions. Suites differ in this and in nothing else. */
export interface Suite {
  readonly number: number;
  /** Whether a client whose answer was lost may go on with another request instead of sending the same one again. */
  readonly allowsAnotherRequest: boolean;
  /** Milliseconds that an opened session waits for its first request; without it, as long as any session may be idle. */
  readonly unusedTime?: number;
  /** @throws Problem `handshake_refused` */
  openHandshake(transaction: Transaction, body: Body): Promise<Handshake>;
  /** @returns the id of the session that a session key belongs to, where the key tells */
  sessionIdOf(sessionKey: string): Uint8Array | undefined;
  /** @returns the bytes by which a request sent again is known */
  identify(request: SealedRequest): readonly Uint8Array[];
  /** @throws Problem `malformed_request` if the request does not open: it may not be the client's */
  openRequest(secret: Uint8Array, request: SealedRequest): UnsealedRequest;
}
