// Runs handshakes and requests, from a received request to its response, and commits their effects together.
import { isSealedResponse, Problem } from '../../protocol/problems.ts';
import { speaksSuite2 } from '../../protocol/suite2.ts';
import type { Store, Transaction } from '../store/store.ts';
import type { Handler, HandlerRequest, HandlerResult, ImmediateHandler, PreparedHandler } from './handler.ts';
import { Ratchet, type RatchetDependencies, type SealedRequest } from './ratchet.ts';
import { type RequestLock, RequestLocks } from './requestLocks.ts';
import type { Body, DecryptedRequest, Suite, WireRequest, WireResponse } from './suites/suite.ts';

/** Handshakes that may wait for the store; further ones are rejected, so that open sessions stay fast. */
export const MAX_PENDING_HANDSHAKES = 256;

export interface ExchangeDependencies extends RatchetDependencies {
  readonly store: Store;
  /** By number; a suite that is missing is refused. */
  readonly suites: { readonly 1?: Suite; readonly 2?: Suite };
}

/** The state of a received request. */
type Received =
  | { readonly kind: 'decrypted'; readonly decrypted: DecryptedRequest }
  | { readonly kind: 'replayed'; readonly response: WireResponse }
  | { readonly kind: 'expired' };

/** A request that has its response: it was executed, now or before, or its session expired. */
type Finished =
  | { readonly kind: 'executed'; readonly response: WireResponse }
  | Exclude<Received, { kind: 'decrypted' }>;

/** A request that this process may prepare. */
interface LockedRequest {
  readonly kind: 'locked';
  readonly lock: RequestLock;
  readonly decrypted: DecryptedRequest;
}

/**
 * Executes handshakes and requests.
 *
 * - The effect of a request, the next step and the response are committed together, before the response is sent.
 * - A step stays valid until the client uses one that followed it. A retry with the same bytes gets the same response;
 *   a different request (suite 1) is executed, and both responses can be used.
 * - Using a step ends all others: those before it, and the responses that the client gave up on.
 */
export class Exchange {
  readonly #store: Store;
  readonly #suites: ExchangeDependencies['suites'];
  readonly #ratchet: Ratchet;
  readonly #requestLocks: RequestLocks;
  #pendingHandshakes = 0;

  constructor(dependencies: ExchangeDependencies) {
    const { store, suites, clock } = dependencies;
    this.#store = store;
    this.#suites = suites;
    this.#ratchet = new Ratchet(dependencies);
    this.#requestLocks = new RequestLocks(store, clock);
  }

  /**
   * Responds to a handshake and opens the session.
   *
   * @param checkRateLimit called in the transaction, before any cryptography
   * @throws Problem `handshake_refused`, `suite1_refused`, `overloaded`
   */
  async openSession(body: Body, checkRateLimit: (tx: Transaction) => Promise<void>): Promise<WireResponse> {
    if (this.#pendingHandshakes >= MAX_PENDING_HANDSHAKES) throw new Problem('overloaded', { retryAfterSeconds: 1 });
    this.#pendingHandshakes += 1;
    try {
      const suite = this.#suiteFor(body);
      const response = await this.#store.transaction(async (tx) => {
        await checkRateLimit(tx);
        // A refused handshake is returned instead of thrown, so that its count for the rate limit is committed.
        const handshake = await catchProblem(isRefusedHandshake, () => suite.openHandshake(tx, body));
        if (handshake instanceof Problem) return handshake;
        if (handshake.session) await this.#ratchet.begin(tx, suite, handshake.session);
        return handshake.response;
      });
      if (response instanceof Problem) throw response;
      return response;
    } finally {
      this.#pendingHandshakes -= 1;
    }
  }

  /**
   * Reports whether a session key names a session, so that the rest of a long request need not be read.
   *
   * @throws Problem `suite1_refused`
   */
  async knowsSession(sessionKey: string): Promise<boolean> {
    const suite = this.#suiteFor({ session_key: sessionKey });
    return this.#store.transaction((tx) => this.#ratchet.isKnown(tx, suite, sessionKey));
  }

  /**
   * Executes a request, or replays the response if it was executed before.
   *
   * @throws Problem that is not a response: nothing was executed and the session is unchanged
   */
  async run(handler: Handler, request: WireRequest): Promise<WireResponse> {
    const suite = this.#suiteFor(request.body);
    if (request.endpoint.suites?.includes(suite.number) === false) throw new Problem('suite2_only');
    const sealed = this.#ratchet.addLookupKeys(suite, request);
    return handler.kind === 'prepared' ? this.#runPrepared(handler, sealed) : this.#runImmediate(handler, sealed);
  }

  async #runImmediate(handler: ImmediateHandler, request: SealedRequest): Promise<WireResponse> {
    const received = await this.#store.transaction(async (tx) => {
      const received = await this.#receive(tx, request);
      if (received.kind !== 'decrypted') return received;
      await handler.checkRateLimit?.(tx, request.address, received.decrypted);
      const response = await this.#execute(tx, request, received.decrypted, (handlerRequest) =>
        handler.execute(handlerRequest, tx),
      );
      return { kind: 'executed', response } as const;
    });
    return responseOf(received);
  }

  async #runPrepared(handler: PreparedHandler, request: SealedRequest): Promise<WireResponse> {
    const received = await this.#receiveAndLock(handler, request);
    if (received.kind !== 'locked') return responseOf(received);
    const { lock, decrypted } = received;
    try {
      const prepared = await catchProblem(isSealedResponse, async () =>
        handler.prepare({
          ...handlerRequestOf(request, decrypted),
          claimAttempt: (tx) => this.#requestLocks.claimAttempt(tx, lock),
        }),
      );
      const response = await this.#store.transaction(async (tx) => {
        // Received again: other requests may have been committed during the preparation.
        const received = await this.#receive(tx, request);
        if (received.kind !== 'decrypted') return responseOf(received);
        if (!(await this.#requestLocks.release(tx, lock))) throw new Problem('overloaded', { retryAfterSeconds: 1 });
        return this.#execute(tx, request, received.decrypted, async (handlerRequest) => {
          if (prepared instanceof Problem) throw prepared;
          return handler.execute(handlerRequest, tx, prepared);
        });
      });
      this.#requestLocks.wake(lock);
      return response;
    } catch (error) {
      await this.#requestLocks.abandon(lock);
      throw error;
    }
  }

  /** The part before the preparation: waits until no other copy is being executed, and locks the request. */
  async #receiveAndLock(handler: PreparedHandler, request: SealedRequest): Promise<Finished | LockedRequest> {
    for (;;) {
      const result = await this.#store.transaction(async (tx) => {
        const received = await this.#receive(tx, request);
        if (received.kind !== 'decrypted') return received;
        const { decrypted } = received;
        const { session, fields } = decrypted;
        // Malformed content needs no preparation.
        if (fields instanceof Problem) {
          const response = await this.#ratchet.advance(tx, request, decrypted, fields, session);
          return { kind: 'executed', response } as const;
        }
        const lock = await this.#requestLocks.acquire(tx, request.encryption.stepId, request.requestHash);
        if (!lock) return undefined;
        await handler.checkRateLimit?.(tx, request.address, decrypted);
        return { kind: 'locked', lock, decrypted } as const;
      });
      if (result?.kind === 'locked') this.#requestLocks.hold(result.lock);
      if (result) return result;
      await this.#requestLocks.wait(request.requestHash);
    }
  }

  /** @throws Problem `session_not_found`, `out_of_sync`, `malformed_request` */
  async #receive(tx: Transaction, request: SealedRequest): Promise<Received> {
    const step = await this.#ratchet.resolve(tx, request);
    if (step === 'expired') return { kind: 'expired' };
    const stored = await this.#ratchet.replay(tx, request, step);
    if (stored?.response) return { kind: 'replayed', response: stored.response };
    return { kind: 'decrypted', decrypted: this.#ratchet.decrypt(request, step, stored) };
  }

  /** Runs the handler's part of the transaction and advances the session. */
  async #execute(
    tx: Transaction,
    request: SealedRequest,
    decrypted: DecryptedRequest,
    execute: (request: HandlerRequest) => Promise<HandlerResult>,
  ): Promise<WireResponse> {
    const { session, fields } = decrypted;
    if (fields instanceof Problem) return this.#ratchet.advance(tx, request, decrypted, fields, session);
    const result = await catchProblem(isAnswer, async () => execute(handlerRequestOf(request, decrypted)));
    if (result instanceof Problem) return this.#ratchet.advance(tx, request, decrypted, result, session);
    const nextSession = { ...session, ...result.session };
    return this.#ratchet.advance(tx, request, decrypted, result.response ?? {}, nextSession);
  }

  /** @throws Problem `suite1_refused` */
  #suiteFor(body: Body): Suite {
    const suite = this.#suites[speaksSuite2(body) ? 2 : 1];
    if (!suite) throw new Problem('suite1_refused');
    return suite;
  }
}

/** @throws Problem `not_authenticated` */
function handlerRequestOf(
  { endpoint, address, recipientNames }: SealedRequest,
  decrypted: DecryptedRequest,
): HandlerRequest {
  const { session, fields } = decrypted;
  if (fields instanceof Problem) throw fields;
  if (endpoint.access === 'login' && !session.userId) throw new Problem('not_authenticated');
  return { fields, session, address, repeated: decrypted.executed !== undefined, recipientNames };
}

/** Returns a problem that `isExpected` accepts; everything else stays thrown. */
async function catchProblem<T>(
  isExpected: (problem: Problem) => boolean,
  work: () => Promise<T>,
): Promise<T | Problem> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem && isExpected(error)) return error;
    throw error;
  }
}

/** Handlers of suite 2 report malformed values like the suite reports missing ones: in a sealed response. */
function isAnswer(problem: Problem): boolean {
  return isSealedResponse(problem) || problem.code === 'malformed_request';
}

function isRefusedHandshake({ code }: Problem): boolean {
  return code === 'handshake_refused';
}

/** @throws Problem `session_expired` */
function responseOf(finished: Finished): WireResponse {
  if (finished.kind === 'expired') throw new Problem('session_expired');
  return finished.response;
}
