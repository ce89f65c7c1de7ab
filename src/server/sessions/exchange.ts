import type { Endpoint } from '../../protocol/endpoints.ts';
import { isAnswer, Problem } from '../../protocol/errors.ts';
import { speaksSuite2 } from '../../protocol/suite2.ts';
import {
  countUse,
  deleteSession,
  deleteStep,
  type FoundStep,
  findChildSteps,
  findLastUse,
  findSealedAnswer,
  findStep,
  insertStep,
  replaceOtherSteps,
  type SessionStep,
  sessionExists,
  touchStep,
} from '../store/sessionSteps.ts';
import type { Store, Transaction } from '../store/store.ts';
import { type Claim, createClaims } from './claims.ts';
import type { Handler, HandlerResult, OpenedRequest, Session } from './handler.ts';
import { hashRequest, openStepVault, type StepVault } from './stepVault.ts';
import type { Body, Handshake, Outcome, SealedRequest, StepKeys, Suite, UnsealedRequest, WireAnswer } from './suite.ts';

/** How many answers to one step may wait for the client to use one of them. */
export const MAX_UNUSED_ANSWERS = 32;
/** A longer answer of a repeatable request, in bytes, is made anew instead of being stored. */
export const MAX_STORED_ANSWER = 16 * 1024;
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
 * The conversation with a client, as a tree of steps. A request is made with a step and leads to the next one.
 *
 * - The effect of a request, the next step and the answer are committed together, before the answer is sent.
 * - A step stays usable until the client uses one that followed it. Sent again with the same bytes, its request gets
 *   the same answer; sent with others, it is executed, and both answers can be used.
 * - Using a step ends all others: those before it, and the answers that the client gave up on.
 */
export interface Exchange {
  /**
   * @param admit called in the transaction, before the key is looked at
   * @throws Problem `handshake_refused`, `overloaded`
   */
  openSession(body: Body, admit: (transaction: Transaction) => Promise<void>): Promise<WireAnswer>;
  /** @throws Problem that is not an answer: nothing was executed and the session is as it was */
  run<E extends Endpoint, Prepared>(handler: Handler<E, Prepared>, request: SealedRequest): Promise<WireAnswer>;
}

/** A request at a step that is there. */
interface Opened {
  readonly step: FoundStep;
  readonly unsealed: UnsealedRequest;
  /** Set where the request was executed before, its answer was too long to keep, and the next step is there. */
  readonly repeated?: { readonly keyEstablishment: Uint8Array | undefined };
}

type Arrival = { kind: 'answered'; answer: WireAnswer } | { kind: 'expired' } | { kind: 'opened'; opened: Opened };

interface Ticket {
  readonly vault: StepVault;
  readonly requestHash: Uint8Array;
  readonly request: SealedRequest;
  readonly suite: Suite;
}

export function createExchange({ store, suites, keyEncryptionKey, idleTime, clock }: ExchangeDependencies): Exchange {
  const claims = createClaims(store, clock);
  let pendingHandshakes = 0;
  const vaultOf = (sessionKey: string) => openStepVault(keyEncryptionKey, sessionKey);

  function suiteFor(body: Body): Suite {
    const suite = suites[speaksSuite2(body) ? 2 : 1];
    if (!suite) throw new Problem('suite1_refused');
    return suite;
  }

  async function arrive(tx: Transaction, { vault, requestHash, request, suite }: Ticket): Promise<Arrival> {
    const step = await findStep(tx, vault.stepId);
    if (!step) {
      const sessionId = suite.sessionIdOf(request.sessionKey);
      throw new Problem(sessionId && (await sessionExists(tx, sessionId)) ? 'out_of_sync' : 'session_not_found');
    }
    const now = clock();
    const patience = step.used || step.parent_id ? idleTime : Math.min(idleTime, suite.unusedTime ?? idleTime);
    const isIdle = (lastUse: number) => lastUse + patience <= now;
    // An answer may be used long after it was made, in a session that has been in use since.
    if (isIdle(step.last_used_at) && isIdle(await findLastUse(tx, step.session_id))) {
      await deleteSession(tx, step.session_id);
      return { kind: 'expired' };
    }
    // An unused step has led nowhere yet: no answer can be there.
    const sealedAnswer = step.used ? await findSealedAnswer(tx, step, requestHash) : undefined;
    if (step.used && !sealedAnswer && !suite.allowsAnotherRequest) throw new Problem('out_of_sync');
    const kept = sealedAnswer && vault.openAnswer(sealedAnswer, requestHash);
    if (kept?.answer) {
      await touchStep(tx, step.step_id, now);
      return { kind: 'answered', answer: kept.answer };
    }
    const unsealed = suite.openRequest(vault.openSecret(step.sealed_secret), request);
    return { kind: 'opened', opened: { step, unsealed, ...(kept && { repeated: kept }) } };
  }

  async function advance(
    tx: Transaction,
    { vault, requestHash, request, suite }: Ticket,
    { step, unsealed, repeated }: Opened,
    outcome: Outcome,
    session: Session,
  ): Promise<WireAnswer> {
    if (repeated) {
      await touchStep(tx, step.step_id, clock());
      return unsealed.seal(outcome, repeated.keyEstablishment).answer;
    }
    if (step.used) await makeRoom(tx, step);
    await countUse(tx, step.step_id);
    const { keys, answer, keyEstablishment } = unsealed.seal(outcome);
    const repeatable = request.endpoint.repeatable;
    const kept =
      repeatable && answer.body.length > MAX_STORED_ANSWER ? { answer: undefined, keyEstablishment } : { answer };
    // Where a client may send another request instead, the same one again is like another: it leads to a step of its own.
    const isFound = kept.answer || !suite.allowsAnotherRequest;
    const next = newStep(suite, keys, session, {
      parent_id: step.step_id,
      repeatable: repeatable ? 1 : 0,
      request_hash: isFound ? requestHash : null,
      sealed_answer: isFound ? vault.sealAnswer(kept, requestHash) : null,
    });
    if (step.used) await insertStep(tx, next);
    else await replaceOtherSteps(tx, step, next);
    return answer;
  }

  function newStep(
    suite: Suite,
    keys: StepKeys,
    session: Session,
    origin: Pick<SessionStep, 'parent_id' | 'repeatable' | 'request_hash' | 'sealed_answer'>,
  ): SessionStep {
    const vault = vaultOf(keys.sessionKey);
    return {
      step_id: vault.stepId,
      session_id: session.id,
      suite: suite.number,
      user_id: session.userId,
      recovery_id: session.recoveryId,
      sealed_secret: vault.sealSecret(keys.secret),
      used: 0,
      last_used_at: clock(),
      started_at: session.startedAt,
      ...origin,
    };
  }

  async function storeSession(
    tx: Transaction,
    suite: Suite,
    { id, keys }: NonNullable<Handshake['session']>,
  ): Promise<void> {
    const session = { id, suite: suite.number, startedAt: clock(), userId: null, recoveryId: null };
    const origin = { parent_id: null, repeatable: 0, request_hash: null, sealed_answer: null };
    await insertStep(tx, newStep(suite, keys, session, origin));
  }

  /** Runs the handler's part of the transaction and moves the session on. */
  async function execute<E extends Endpoint>(
    tx: Transaction,
    ticket: Ticket,
    opened: Opened,
    work: (request: OpenedRequest<E>) => Promise<HandlerResult>,
  ): Promise<WireAnswer> {
    const session = sessionOf(opened.step);
    const { fields } = opened.unsealed;
    if (fields instanceof Problem) return advance(tx, ticket, opened, { problem: fields }, session);
    const result = await settle(async () => work(authorise<E>(ticket.request.endpoint, session, fields)));
    if (result instanceof Problem) return advance(tx, ticket, opened, { problem: result }, session);
    return advance(tx, ticket, opened, { fields: result.answer ?? {} }, { ...session, ...result.session });
  }

  /** The part before a request that needs preparation: admits it, and claims it for this process. */
  async function claim<E extends Endpoint, P>(
    ticket: Ticket,
    handler: Handler<E, P>,
  ): Promise<
    Exclude<Arrival, { kind: 'opened' }> | { kind: 'claimed'; claim: Claim; request: () => OpenedRequest<E> }
  > {
    for (;;) {
      const arrival = await store.transaction(async (tx) => {
        const arrived = await arrive(tx, ticket);
        if (arrived.kind !== 'opened') return arrived;
        const { step, unsealed } = arrived.opened;
        // What cannot be read needs no preparation.
        if (unsealed.fields instanceof Problem) {
          const answer = await advance(tx, ticket, arrived.opened, { problem: unsealed.fields }, sessionOf(step));
          return { kind: 'answered' as const, answer };
        }
        const claim = await claims.take(tx, ticket.vault.stepId, ticket.requestHash);
        if (!claim) return undefined;
        await handler.admit?.(tx);
        const request = () => authorise<E>(ticket.request.endpoint, sessionOf(step), unsealed.fields);
        return { kind: 'claimed' as const, claim, request };
      });
      if (!arrival) {
        await claims.wait(ticket.requestHash);
        continue;
      }
      if (arrival.kind === 'claimed') claims.begin(arrival.claim);
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
        const arrival = await arrive(tx, ticket);
        if (arrival.kind !== 'opened') return answerOf(arrival);
        if (!(await claims.release(tx, claimed.claim))) throw new Problem('overloaded', { retryAfterSeconds: 1 });
        return execute<E>(tx, ticket, arrival.opened, async (request) => {
          if (prepared instanceof Problem) throw prepared;
          return handler.execute(request, tx, prepared);
        });
      });
      claims.wake(claimed.claim);
      return answer;
    } catch (error) {
      await claims.end(claimed.claim);
      throw error;
    }
  }

  async function runAtOnce<E extends Endpoint, P>(ticket: Ticket, handler: Handler<E, P>): Promise<WireAnswer> {
    const arrival = await store.transaction(async (tx) => {
      const arrived = await arrive(tx, ticket);
      if (arrived.kind !== 'opened') return arrived;
      await handler.admit?.(tx);
      const answer = await execute<E>(tx, ticket, arrived.opened, (request) =>
        handler.execute(request, tx, undefined as P),
      );
      return { kind: 'answered' as const, answer };
    });
    return answerOf(arrival);
  }

  return {
    async openSession(body, admit) {
      if (pendingHandshakes >= MAX_PENDING_HANDSHAKES) throw new Problem('overloaded', { retryAfterSeconds: 1 });
      pendingHandshakes += 1;
      try {
        const suite = suiteFor(body);
        const answer = await store.transaction(async (tx) => {
          await admit(tx);
          // A refused handshake counts for the limits as well: it is returned, so that the count is committed.
          const handshake = await refusable(() => suite.openHandshake(tx, body));
          if (handshake instanceof Problem) return handshake;
          if (handshake.session) await storeSession(tx, suite, handshake.session);
          return handshake.answer;
        });
        if (answer instanceof Problem) throw answer;
        return answer;
      } finally {
        pendingHandshakes -= 1;
      }
    },

    async run(handler, request) {
      const suite = suiteFor(request.body);
      const requestHash = hashRequest(suite.identify(request));
      const ticket = { vault: vaultOf(request.sessionKey), requestHash, request, suite };
      return handler.prepare ? runPrepared(ticket, handler, handler.prepare) : runAtOnce(ticket, handler);
    },
  };
}

/** Keeps the answers that wait for their use few, giving up those first whose requests can safely be made again. */
async function makeRoom(tx: Transaction, step: FoundStep): Promise<void> {
  const children = await findChildSteps(tx, step);
  if (children.length < MAX_UNUSED_ANSWERS) return;
  const expendable = children.find((child) => child.repeatable);
  if (!expendable) throw new Problem('unanswered_requests');
  await deleteStep(tx, expendable.step_id);
}

function sessionOf(step: FoundStep): Session {
  return {
    id: step.session_id,
    suite: step.suite,
    startedAt: step.started_at,
    userId: step.user_id,
    recoveryId: step.recovery_id,
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
