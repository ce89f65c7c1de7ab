import type { Endpoint } from '../../protocol/endpoints.ts';
import { isAnswer, Problem } from '../../protocol/problems.ts';
import { speaksSuite2 } from '../../protocol/suite2.ts';
import type { Store, Transaction } from '../store/store.ts';
import { type Arrival, createRatchet, type Opened, type Ticket } from './ratchet.ts';
import { createRequestLocks, type RequestLock } from './requestLocks.ts';
import type { Handler, HandlerResult, OpenedRequest, Session } from './session.ts';
import type { Body, SealedRequest, Suite, UnsealedRequest, WireAnswer } from './suites/suite.ts';

/** How many handshakes may wait for the store; past that, newcomers are asked to come back and sessions stay quick. */
export const MAX_PENDING_HANDSHAKES = 256;

export interface ExchangeDependencies {
  readonly store: Store;
  /** By number; a suite that is not there is refused. */
  readonly suites: { readonly 1?: Suite; readonly 2?: Suite };
  /** Key that steps are sealed under, beside their session keys: 32 bytes. */
  readonly keyEncryptionKey: Uint8Array;
  /** Milliseconds without a request after which a session is over. */
  readonly idleTime: number;
  readonly clock: () => number;
}

/**
 * The conversation with a client, as a tree of ratchet. A request is made with a step and leads to the next one.
 *
 * - The effect of a request, the next step and the answer are committed together, before the answer is sent.
 * - A step stays usable until the client uses one that followed it. Sent again with the same bytes, its request gets
 *   the same answer; sent with others, it is executed, and both answers can be used.
 * - Using a step ends all others: those before it, and the answers that the client gave up on.
 */
export interface Exchange {
  /**
   * @param checkRateLimit called in the transaction, before the key is looked at
   * @throws Problem `handshake_refused`, `overloaded`
   */
  openSession(body: Body, checkRateLimit: (transaction: Transaction) => Promise<void>): Promise<WireAnswer>;
  /** @throws Problem that is not an answer: nothing was executed and the session is as it was */
  run<E extends Endpoint, Prepared>(handler: Handler<E, Prepared>, request: SealedRequest): Promise<WireAnswer>;
}

export function createExchange({ store, suites, keyEncryptionKey, idleTime, clock }: ExchangeDependencies): Exchange {
  const requestLocks = createRequestLocks(store, clock);
  let pendingHandshakes = 0;
  const ratchet = createRatchet(keyEncryptionKey, idleTime, clock);

  function suiteFor(body: Body): Suite {
    const suite = suites[speaksSuite2(body) ? 2 : 1];
    if (!suite) throw new Problem('suite1_refused');
    return suite;
  }

  /** Runs the handler's part of the transaction and moves the session on. */
  async function execute<E extends Endpoint>(
    tx: Transaction,
    ticket: Ticket,
    opened: Opened,
    work: (request: OpenedRequest<E>) => Promise<HandlerResult>,
  ): Promise<WireAnswer> {
    const { session } = opened;
    const { fields } = opened.unsealed;
    if (fields instanceof Problem) return ratchet.advance(tx, ticket, opened, { problem: fields }, session);
    const result = await settle(async () => work(authorise<E>(ticket.request.endpoint, session, fields)));
    if (result instanceof Problem) return ratchet.advance(tx, ticket, opened, { problem: result }, session);
    return ratchet.advance(tx, ticket, opened, { fields: result.answer ?? {} }, { ...session, ...result.session });
  }

  /** The part before a request that needs preparation: admits it, and claims it for this process. */
  async function claim<E extends Endpoint, P>(
    ticket: Ticket,
    handler: Handler<E, P>,
  ): Promise<
    Exclude<Arrival, { kind: 'opened' }> | { kind: 'claimed'; claim: RequestLock; request: () => OpenedRequest<E> }
  > {
    for (;;) {
      const arrival = await store.transaction(async (tx) => {
        const arrived = await ratchet.arrive(tx, ticket);
        if (arrived.kind !== 'opened') return arrived;
        const { session, unsealed } = arrived.opened;
        // What cannot be read needs no preparation.
        if (unsealed.fields instanceof Problem) {
          const answer = await ratchet.advance(tx, ticket, arrived.opened, { problem: unsealed.fields }, session);
          return { kind: 'answered' as const, answer };
        }
        const claim = await requestLocks.take(tx, ticket.encryption.stepId, ticket.requestHash);
        if (!claim) return undefined;
        await handler.checkRateLimit?.(tx);
        const request = () => authorise<E>(ticket.request.endpoint, session, unsealed.fields);
        return { kind: 'claimed' as const, claim, request };
      });
      if (!arrival) {
        await requestLocks.wait(ticket.requestHash);
        continue;
      }
      if (arrival.kind === 'claimed') requestLocks.begin(arrival.claim);
      return arrival;
    }
  }

  async function runPrepared<E extends Endpoint, P>(
    ticket: Ticket,
    handler: Handler<E, P>,
    prepare: NonNullable<Handler<E, P>['prepare']>,
  ): Promise<WireAnswer> {
    const claimed = await claim(ticket, handler);
    if (claimed.kind !== 'claimed') return answerOf(claimed);
    try {
      const prepared = await settle(async () => prepare(claimed.request()));
      const answer = await store.transaction(async (tx) => {
        const arrival = await ratchet.arrive(tx, ticket);
        if (arrival.kind !== 'opened') return answerOf(arrival);
        if (!(await requestLocks.release(tx, claimed.claim))) throw new Problem('overloaded', { retryAfterSeconds: 1 });
        return execute<E>(tx, ticket, arrival.opened, async (request) => {
          if (prepared instanceof Problem) throw prepared;
          return handler.execute(request, tx, prepared);
        });
      });
      requestLocks.wake(claimed.claim);
      return answer;
    } catch (error) {
      await requestLocks.end(claimed.claim);
      throw error;
    }
  }

  async function runAtOnce<E extends Endpoint, P>(ticket: Ticket, handler: Handler<E, P>): Promise<WireAnswer> {
    const arrival = await store.transaction(async (tx) => {
      const arrived = await ratchet.arrive(tx, ticket);
      if (arrived.kind !== 'opened') return arrived;
      await handler.checkRateLimit?.(tx);
      const answer = await execute<E>(tx, ticket, arrived.opened, (request) =>
        handler.execute(request, tx, undefined as P),
      );
      return { kind: 'answered' as const, answer };
    });
    return answerOf(arrival);
  }

  return {
    async openSession(body, checkRateLimit) {
      if (pendingHandshakes >= MAX_PENDING_HANDSHAKES) throw new Problem('overloaded', { retryAfterSeconds: 1 });
      pendingHandshakes += 1;
      try {
        const suite = suiteFor(body);
        const answer = await store.transaction(async (tx) => {
          await checkRateLimit(tx);
          // A refused handshake counts for the limits as well: it is returned, so that the count is committed.
          const handshake = await refusable(() => suite.openHandshake(tx, body));
          if (handshake instanceof Problem) return handshake;
          if (handshake.session) await ratchet.begin(tx, suite, handshake.session);
          return handshake.answer;
        });
        if (answer instanceof Problem) throw answer;
        return answer;
      } finally {
        pendingHandshakes -= 1;
      }
    },

    async run(handler, request) {
      const ticket = ratchet.ticketFor(suiteFor(request.body), request);
      return handler.prepare ? runPrepared(ticket, handler, handler.prepare) : runAtOnce(ticket, handler);
    },
  };
}

function authorise<E extends Endpoint>(
  endpoint: Endpoint,
  session: Session,
  fields: UnsealedRequest['fields'],
): OpenedRequest<E> {
  if (endpoint.access === 'login' && !session.userId) throw new Problem('not_authenticated');
  return { fields, session } as OpenedRequest<E>;
}

async function refusable<T>(work: () => Promise<T>): Promise<T | Problem> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem && error.code === 'handshake_refused') return error;
    throw error;
  }
}

/** Takes a problem that is an answer for a value: it is told in the session. Everything else stays thrown. */
async function settle<T>(work: () => Promise<T>): Promise<T | Problem> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem && isAnswer(error)) return error;
    throw error;
  }
}

function answerOf(arrival: Exclude<Arrival, { kind: 'opened' }>): WireAnswer {
  if (arrival.kind === 'expired') throw new Problem('session_expired');
  return arrival.answer;
}
