import { randomBytes } from 'node:crypto';
import type { Endpoint } from '../../protocol/endpoints.ts';
import { isAnswer, Problem } from '../../protocol/errors.ts';
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
  touchStep,
} from '../store/sessionSteps.ts';
import type { Store, Transaction } from '../store/store.ts';
import { type Claim, createClaims } from './claims.ts';
import type { Handler, HandlerResult, OpenedRequest, Session } from './handler.ts';
import { hashRequest, openStepVault, type StepVault } from './stepVault.ts';
import type { Body, NextStep, Outcome, SealedRequest, Suite, WireAnswer } from './suite.ts';

/** How many answers to one step may wait for the client to use one of them. */
export const MAX_UNUSED_ANSWERS = 32;
/** A longer answer of a repeatable request, in bytes, is made anew instead of being stored. */
export const MAX_STORED_ANSWER = 16 * 1024;
/** How many handshakes may wait for the store; past that, newcomers are asked to come back and sessions stay quick. */
export const MAX_PENDING_HANDSHAKES = 256;
const SESSION_ID_LENGTH = 16;

export interface ExchangeDependencies {
  readonly store: Store;
  readonly suite: Suite;
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
  readonly secret: Uint8Array;
  readonly fields: Record<string, string>;
}

type Arrival = { kind: 'answered'; answer: WireAnswer } | { kind: 'expired' } | { kind: 'opened'; opened: Opened };

interface Ticket {
  readonly vault: StepVault;
  readonly requestHash: Uint8Array;
  readonly request: SealedRequest;
}

export function createExchange({ store, suite, keyEncryptionKey, idleTime, clock }: ExchangeDependencies): Exchange {
  const claims = createClaims(store, clock);
  let pendingHandshakes = 0;
  const vaultOf = (sessionKey: string) => openStepVault(keyEncryptionKey, sessionKey);

  async function arrive(tx: Transaction, { vault, requestHash, request }: Ticket): Promise<Arrival> {
    const step = await findStep(tx, vault.stepId);
    if (!step) throw new Problem('session_not_found');
    const now = clock();
    const isIdle = (lastUse: number) => lastUse + idleTime <= now;
    // An answer may be used long after it was made, in a session that has been in use since.
    if (isIdle(step.last_used_at) && isIdle(await findLastUse(tx, step.session_id))) {
      await deleteSession(tx, step.session_id);
      return { kind: 'expired' };
    }
    // An unused step has led nowhere yet: no answer can be there.
    const sealedAnswer = step.used ? await findSealedAnswer(tx, step, requestHash) : undefined;
    if (sealedAnswer) {
      await touchStep(tx, step.step_id, now);
      return { kind: 'answered', answer: vault.openAnswer(sealedAnswer, requestHash) };
    }
    const secret = vault.openSecret(step.sealed_secret);
    return { kind: 'opened', opened: { step, secret, fields: suite.openRequest(secret, request) } };
  }

  async function advance(
    tx: Transaction,
    { vault, requestHash, request }: Ticket,
    { step, secret }: Opened,
    outcome: Outcome,
    session: Session,
  ): Promise<WireAnswer> {
    if (step.used) await makeRoom(tx, step);
    await countUse(tx, step.step_id);
    const { keys, answer } = suite.sealAnswer(secret, outcome);
    const repeatable = request.endpoint.repeatable;
    const stored = !repeatable || answer.body.length <= MAX_STORED_ANSWER;
    const next = newStep(keys, session, {
      parent_id: step.step_id,
      repeatable: repeatable ? 1 : 0,
      request_hash: stored ? requestHash : null,
      sealed_answer: stored ? vault.sealAnswer(answer, requestHash) : null,
    });
    if (step.used) await insertStep(tx, next);
    else await replaceOtherSteps(tx, step, next);
    return answer;
  }

  function newStep(
    keys: NextStep['keys'],
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
      ...origin,
    };
  }

  /** Runs the handler's part of the transaction and moves the session on. */
  async function execute<E extends Endpoint>(
    tx: Transaction,
    ticket: Ticket,
    opened: Opened,
    work: (request: OpenedRequest<E>) => Promise<HandlerResult>,
  ): Promise<WireAnswer> {
    const session = sessionOf(opened.step);
    const result = await settle(async () => work(authorise<E>(ticket.request.endpoint, opened)));
    if (result instanceof Problem) return advance(tx, ticket, opened, { problem: result.code }, session);
    return advance(tx, ticket, opened, { fields: result.answer ?? {} }, { ...session, ...result.session });
  }

  /** The part before a request that needs preparation: admits it, and claims it for this process. */
  async function claim<E extends Endpoint, P>(
    ticket: Ticket,
    handler: Handler<E, P>,
  ): Promise<Exclude<Arrival, { kind: 'opened' }> | { kind: 'claimed'; claim: Claim; opened: Opened }> {
    for (;;) {
      const arrival = await store.transaction(async (tx) => {
        const arrived = await arrive(tx, ticket);
        if (arrived.kind !== 'opened') return arrived;
        const claim = await claims.take(tx, ticket.vault.stepId, ticket.requestHash);
        if (!claim) return undefined;
        await handler.admit?.(tx);
        return { kind: 'claimed' as const, claim, opened: arrived.opened };
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
      const prepared = await settle(async () => prepare(authorise<E>(ticket.request.endpoint, claimed.opened)));
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
        return await store.transaction(async (tx) => {
          await admit(tx);
          const { keys, answer } = suite.openHandshake(body);
          const session = { id: randomBytes(SESSION_ID_LENGTH), userId: null, recoveryId: null };
          const origin = { parent_id: null, repeatable: 0, request_hash: null, sealed_answer: null };
          await insertStep(tx, newStep(keys, session, origin));
          return answer;
        });
      } finally {
        pendingHandshakes -= 1;
      }
    },

    run(handler, request) {
      const ticket = { vault: vaultOf(request.sessionKey), requestHash: hashRequest(request.bytes), request };
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
  return { id: step.session_id, userId: step.user_id, recoveryId: step.recovery_id };
}

function authorise<E extends Endpoint>(endpoint: Endpoint, { step, fields }: Opened): OpenedRequest<E> {
  const session = sessionOf(step);
  if (endpoint.access === 'login' && !session.userId) throw new Problem('not_authenticated');
  return { fields, session } as OpenedRequest<E>;
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
