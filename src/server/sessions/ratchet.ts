import { Problem } from '../../protocol/problems.ts';
import {
  countUse,
  deleteSession,
  deleteStep,
  type FoundStep,
  findChildSteps,
  findLastUse,
  findSealedResponse,
  findStep,
  insertStep,
  replaceOtherSteps,
  type SessionStep,
  sessionExists,
  touchStep,
} from '../store/sessionSteps.ts';
import type { Transaction } from '../store/store.ts';
import type { Session } from './session.ts';
import { createStepEncryption, hashRequest, type StepEncryption } from './stepEncryption.ts';
import type {
  Handshake,
  Outcome,
  SealedRequest,
  StepKeys,
  Suite,
  UnsealedRequest,
  WireAnswer,
} from './suites/suite.ts';

/** How many answers to one step may wait for the client to use one of them. */
export const MAX_UNUSED_ANSWERS = 32;
/** A longer answer of a repeatable request, in bytes, is made anew instead of being stored. */
export const MAX_STORED_ANSWER = 16 * 1024;

/** A request on its way to its step. */
export interface Ticket {
  readonly encryption: StepEncryption;
  readonly requestHash: Uint8Array;
  readonly request: SealedRequest;
  readonly suite: Suite;
}

/** A request at a step that is there. */
export interface Opened {
  readonly session: Session;
  readonly step: FoundStep;
  readonly unsealed: UnsealedRequest;
  /** Set where the request was executed before, its answer was too long to keep, and the next step is there. */
  readonly repeated?: { readonly keyEstablishment: Uint8Array | undefined };
}

export type Arrival =
  | { readonly kind: 'answered'; readonly answer: WireAnswer }
  | { readonly kind: 'expired' }
  | { readonly kind: 'opened'; readonly opened: Opened };

/** The steps of sessions, as they lie in the store and as their clients know them. */
export interface Ratchet {
  ticketFor(suite: Suite, request: SealedRequest): Ticket;
  /** @throws Problem `session_not_found`, `out_of_sync`, `malformed_request` */
  arrive(transaction: Transaction, ticket: Ticket): Promise<Arrival>;
  /** Seals the answer and stores it with the step that it leads to. @throws Problem `unanswered_requests` */
  advance(
    transaction: Transaction,
    ticket: Ticket,
    opened: Opened,
    outcome: Outcome,
    session: Session,
  ): Promise<WireAnswer>;
  /** Stores the first step of a session. */
  begin(transaction: Transaction, suite: Suite, session: NonNullable<Handshake['session']>): Promise<void>;
}

/**
 * @param keyEncryptionKey that steps are sealed under, beside their session keys: 32 bytes
 * @param idleTime milliseconds without a request after which a session is over
 */
export function createRatchet(keyEncryptionKey: Uint8Array, idleTime: number, clock: () => number): Ratchet {
  const encryptionOf = (sessionKey: string) => createStepEncryption(keyEncryptionKey, sessionKey);

  function newStep(
    suite: Suite,
    keys: StepKeys,
    session: Session,
    origin: Pick<SessionStep, 'parent_id' | 'repeatable' | 'request_hash' | 'sealed_response'>,
  ): SessionStep {
    const encryption = encryptionOf(keys.sessionKey);
    return {
      step_id: encryption.stepId,
      session_id: session.id,
      suite: suite.number,
      user_id: session.userId,
      recovery_id: session.recoveryId,
      sealed_secret: encryption.sealSecret(keys.secret),
      used: 0,
      last_used_at: clock(),
      started_at: session.startedAt,
      ...origin,
    };
  }

  return {
    ticketFor: (suite, request) => ({
      encryption: encryptionOf(request.sessionKey),
      requestHash: hashRequest(suite.identify(request)),
      request,
      suite,
    }),

    async arrive(tx, { encryption, requestHash, request, suite }) {
      const step = await findStep(tx, encryption.stepId);
      if (step?.suite !== suite.number) {
        const sessionId = suite.sessionIdOf(request.sessionKey);
        throw new Problem(sessionId && (await sessionExists(tx, sessionId)) ? 'out_of_sync' : 'session_not_found');
      }
      const now = clock();
      const idleTimeoutMs = step.used || step.parent_id ? idleTime : Math.min(idleTime, suite.unusedTime ?? idleTime);
      const isIdle = (lastUse: number) => lastUse + idleTimeoutMs <= now;
      // An answer may be used long after it was made, in a session that has been in use since.
      if (isIdle(step.last_used_at) && isIdle(await findLastUse(tx, step.session_id))) {
        await deleteSession(tx, step.session_id);
        return { kind: 'expired' };
      }
      // An unused step has led nowhere yet: no answer can be there.
      const sealedAnswer = step.used ? await findSealedResponse(tx, step, requestHash) : undefined;
      if (step.used && !sealedAnswer && !suite.allowsAnotherRequest) throw new Problem('out_of_sync');
      const kept = sealedAnswer && encryption.openAnswer(sealedAnswer, requestHash);
      if (kept?.answer) {
        await touchStep(tx, step.step_id, now);
        return { kind: 'answered', answer: kept.answer };
      }
      const unsealed = suite.openRequest(encryption.openSecret(step.sealed_secret), request);
      return { kind: 'opened', opened: { session: sessionOf(step), step, unsealed, ...(kept && { repeated: kept }) } };
    },

    async advance(tx, { encryption, requestHash, request, suite }, { step, unsealed, repeated }, outcome, session) {
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
        sealed_response: isFound ? encryption.sealAnswer(kept, requestHash) : null,
      });
      if (step.used) await insertStep(tx, next);
      else await replaceOtherSteps(tx, step, next);
      return answer;
    },

    async begin(tx, suite, { id, keys }) {
      const session = { id, suite: suite.number, startedAt: clock(), userId: null, recoveryId: null };
      const origin = { parent_id: null, repeatable: 0, request_hash: null, sealed_response: null };
      await insertStep(tx, newStep(suite, keys, session, origin));
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
