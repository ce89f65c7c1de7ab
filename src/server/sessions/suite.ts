import type { Endpoint } from '../../protocol/endpoints.ts';
import type { ProblemCode } from '../../protocol/errors.ts';

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

/** What came of a request: fields to seal, or the problem that it met. */
export type Outcome = { readonly fields: Readonly<Record<string, string>> } | { readonly problem: ProblemCode };

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
}

/** A way of sealing sessions. Suites differ in these operations and in nothing else. */
export interface Suite {
  readonly number: number;
  /** @throws Problem `handshake_refused` */
  openHandshake(body: Body): NextStep;
  /** @throws Problem `malformed_request` if a field is missing or does not open */
  openRequest(secret: Uint8Array, request: SealedRequest): Record<string, string>;
  sealAnswer(secret: Uint8Array, outcome: Outcome): NextStep;
}
