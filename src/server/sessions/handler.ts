// The contract between the exchange, which runs requests, and the handlers, which implement the endpoints.
import type { Endpoint, EndpointName, endpoints } from '../../protocol/endpoints.ts';
import type { Transaction } from '../store/store.ts';
import type { LoggedInSession, Session } from './session.ts';
import type { DecryptedRequest, ResponseFields } from './suites/suite.ts';

/** The fields that clients of suite 2 may send in addition. */
type Suite2Field<E extends Endpoint> = E extends { suite2Fields: infer Fields } ? Extract<keyof Fields, string> : never;

/** A request as a handler gets it: authenticated, decrypted and, where the endpoint requires it, logged in. */
export interface HandlerRequest<E extends Endpoint = Endpoint> {
  readonly fields: Readonly<Record<Extract<keyof E['fields'], string>, string>> & {
    /** The recipient, where the suite encrypts the name with the other fields. */
    readonly username?: string;
  } & { readonly [Name in Suite2Field<E>]?: string };
  readonly session: E['access'] extends 'login' ? LoggedInSession : Session;
  /** Subject of the rate limits per address. */
  readonly address: string;
  /** The request was executed before, and its response, too long to be stored, is regenerated. */
  readonly repeated: boolean;
  /** The recipient names that the last segment of the path may mean (suite 1). */
  readonly recipientNames: readonly string[];
  /**
   * Claims the right to count this request as a password attempt; only during the preparation.
   *
   * @returns false if an earlier execution of the request counted it
   * @throws Problem `overloaded` if another process executes the request now
   */
  readonly claimAttempt?: (transaction: Transaction) => Promise<boolean>;
}

/** The effect of a request on its session, and its response. */
export interface HandlerResult {
  /** Changes to the session; omitted properties stay. */
  readonly session?: Partial<Pick<Session, 'userId' | 'pendingId'>>;
  readonly response?: ResponseFields;
}

/*
 * The exchange handles keys, steps, retries and errors. A problem that a handler throws becomes the response, and
 * what the handler wrote before it stays written: a failed attempt must be counted.
 *
 * Operations are declared as methods so that the handler of any endpoint is a `Handler`: TypeScript compares the
 * parameters of methods in both directions. The exchange passes each handler the fields of its own endpoint only.
 */

/** The parts of a request that select its rate limit. */
export type LimitedRequest = Pick<DecryptedRequest, 'session' | 'fields'>;

interface RateLimited {
  /**
   * Counts the request against a rate limit, before any other work.
   *
   * @param address subject of the limits per address
   * @param request may be malformed, and need not be logged in
   * @throws Problem that leaves the session unchanged
   */
  checkRateLimit?(transaction: Transaction, address: string, request: LimitedRequest): Promise<void>;
}

/** A handler that needs one transaction only. */
export interface ImmediateHandler<E extends Endpoint = Endpoint> extends RateLimited {
  readonly kind: 'immediate';
  execute(request: HandlerRequest<E>, transaction: Transaction): Promise<HandlerResult>;
}

/** A handler with slow work, such as hashing, before its transaction. */
export interface PreparedHandler<E extends Endpoint = Endpoint, Prepared = unknown> extends RateLimited {
  readonly kind: 'prepared';
  /** Runs outside of a transaction, once for a request, however often the client sends it. */
  prepare(request: HandlerRequest<E>): Promise<Prepared>;
  execute(request: HandlerRequest<E>, transaction: Transaction, prepared: Prepared): Promise<HandlerResult>;
}

export type Handler<E extends Endpoint = Endpoint> = ImmediateHandler<E> | PreparedHandler<E>;

/** One handler per endpoint. */
export type Handlers = { readonly [Name in EndpointName]: Handler<(typeof endpoints)[Name]> };

/** Ties what a handler prepares to what it executes with. */
export function prepared<E extends Endpoint, Prepared>(
  handler: Omit<PreparedHandler<E, Prepared>, 'kind'>,
): PreparedHandler<E, Prepared> {
  return { kind: 'prepared', ...handler };
}
