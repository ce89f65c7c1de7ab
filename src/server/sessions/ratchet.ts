// Moves sessions from step to step: finds the step of a request, replays stored responses and stores the next step.
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
import { hashRequest, StepEncryption, type StoredResponse } from './stepEncryption.ts';
import type {
  DecryptedRequest,
  Handshake,
  ResponseFields,
  StepKeys,
  Suite,
  WireRequest,
  WireResponse,
} from './suites/suite.ts';

/** Responses to requests of one step that may wait for the client to use one of them. */
export const MAX_UNUSED_RESPONSES = 32;
/** A longer response body of a repeatable request, in characters, is regenerated instead of being stored. */
export const MAX_STORED_RESPONSE_LENGTH = 16 * 1024;

/** A request as received, with its lookup keys. */
export interface SealedRequest extends WireRequest {
  readonly suite: Suite;
  readonly encryption: StepEncryption;
  /** SHA-256 that identifies the request: a retry has the same. */
  readonly requestHash: Uint8Array;
}

/**
 * The steps of all sessions. A request is made with one step and leads to the next.
 *
 * A step stays valid until the client uses one that followed it; using a step ends all others.
 */
export class Ratchet {
  readonly #keyEncryptionKey: Uint8Array;
  readonly #idleTimeoutMs: number;
  readonly #clock: () => number;

  /**
   * @param keyEncryptionKey encrypts stored steps together with their session keys: 32 bytes
   * @param idleTimeoutMs time without a request after which a session expires
   */
  constructor(keyEncryptionKey: Uint8Array, idleTimeoutMs: number, clock: () => number) {
    this.#keyEncryptionKey = keyEncryptionKey;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#clock = clock;
  }

  /** Computes the lookup keys of a request; needs no transaction. */
  addLookupKeys(suite: Suite, request: WireRequest): SealedRequest {
    return {
      ...request,
      suite,
      encryption: new StepEncryption(this.#keyEncryptionKey, request.sessionKey),
      requestHash: hashRequest(suite.identify(request)),
    };
  }

  /**
   * Finds the step that a request was made with, and deletes its session if that has expired.
   *
   * @throws Problem `session_not_found`, `out_of_sync`
   */
  async resolve(tx: Transaction, { encryption, sessionKey, suite }: SealedRequest): Promise<FoundStep | 'expired'> {
    const step = await findStep(tx, encryption.stepId);
    if (step?.suite !== suite.number) {
      const sessionId = suite.sessionIdOf(sessionKey);
      throw new Problem(sessionId && (await sessionExists(tx, sessionId)) ? 'out_of_sync' : 'session_not_found');
    }
    const expiredSince = this.#clock() - this.#timeoutOf(step, suite);
    // A response may be used long after it was made, in a session that has been in use since.
    if (step.last_used_at > expiredSince || (await findLastUse(tx, step.session_id)) > expiredSince) return step;
    await deleteSession(tx, step.session_id);
    return 'expired';
  }

  /**
   * Reads the stored response of a request that was executed before, and keeps the session alive.
   *
   * @returns undefined if the request was not executed with this step
   * @throws Problem `out_of_sync` if another request was, and the suite allows one request per step
   */
  async replay(tx: Transaction, request: SealedRequest, step: FoundStep): Promise<StoredResponse | undefined> {
    // Spares the hot path a query: no request has been executed with an unused step.
    if (!step.used) return undefined;
    const sealed = await findSealedResponse(tx, step, request.requestHash);
    if (!sealed) {
      if (!request.suite.allowsAnotherRequest) throw new Problem('out_of_sync');
      return undefined;
    }
    const stored = request.encryption.openResponse(sealed, request.requestHash);
    if (stored.response) await touchStep(tx, step.step_id, this.#clock());
    return stored;
  }

  /**
   * Decrypts a request with the secret of its step.
   *
   * @param executed what {@link replay} found, if the response has to be regenerated
   * @throws Problem `malformed_request` if decryption fails
   */
  decrypt(request: SealedRequest, step: FoundStep, executed: DecryptedRequest['executed']): DecryptedRequest {
    const { fields, seal } = request.suite.decrypt(request.encryption.openSecret(step.sealed_secret), request);
    return { session: sessionOf(step), step, fields, seal, ...(executed && { executed }) };
  }

  /**
   * Encrypts the response, and stores it with the step that it leads to.
   *
   * @param content fields of the response, or the problem to report
   * @param session state of the session from the next step on
   * @throws Problem `unanswered_requests`
   */
  async advance(
    tx: Transaction,
    request: SealedRequest,
    { step, seal, executed }: DecryptedRequest,
    content: ResponseFields | Problem,
    session: Session,
  ): Promise<WireResponse> {
    if (executed) {
      await touchStep(tx, step.step_id, this.#clock());
      return seal(content, executed.keyEstablishment).response;
    }
    if (step.used) await makeRoom(tx, step);
    await countUse(tx, step.step_id);
    const { keys, response, keyEstablishment } = seal(content);
    const { repeatable } = request.endpoint;
    const isLong = repeatable && response.body.length > MAX_STORED_RESPONSE_LENGTH;
    const stored: StoredResponse = isLong ? { response: undefined, keyEstablishment } : { response };
    // If the client may send another request instead, a retry is executed like another request, with a step of its own.
    const recognizesRetry = !isLong || !request.suite.allowsAnotherRequest;
    const next = this.#newStep(request.suite, keys, session, {
      parent_id: step.step_id,
      repeatable: repeatable ? 1 : 0,
      request_hash: recognizesRetry ? request.requestHash : null,
      sealed_response: recognizesRetry ? request.encryption.sealResponse(stored, request.requestHash) : null,
    });
    if (step.used) await insertStep(tx, next);
    else await replaceOtherSteps(tx, step, next);
    return response;
  }

  /** Stores the first step of a session. */
  async begin(tx: Transaction, suite: Suite, { id, keys }: NonNullable<Handshake['session']>): Promise<void> {
    const session = { id, suite: suite.number, startedAt: this.#clock(), userId: null, recoveryId: null };
    const origin = { parent_id: null, repeatable: 0, request_hash: null, sealed_response: null };
    await insertStep(tx, this.#newStep(suite, keys, session, origin));
  }

  #timeoutOf(step: FoundStep, { unusedTimeoutMs = this.#idleTimeoutMs }: Suite): number {
    const isFirst = !step.used && !step.parent_id;
    return isFirst ? Math.min(this.#idleTimeoutMs, unusedTimeoutMs) : this.#idleTimeoutMs;
  }

  #newStep(
    suite: Suite,
    keys: StepKeys,
    session: Session,
    origin: Pick<SessionStep, 'parent_id' | 'repeatable' | 'request_hash' | 'sealed_response'>,
  ): SessionStep {
    const encryption = new StepEncryption(this.#keyEncryptionKey, keys.sessionKey);
    return {
      step_id: encryption.stepId,
      session_id: session.id,
      suite: suite.number,
      user_id: session.userId,
      recovery_id: session.recoveryId,
      sealed_secret: encryption.sealSecret(keys.secret),
      used: 0,
      last_used_at: this.#clock(),
      started_at: session.startedAt,
      ...origin,
    };
  }
}

/** Limits the number of unused responses; drops those first whose requests can safely be repeated. */
async function makeRoom(tx: Transaction, step: FoundStep): Promise<void> {
  const children = await findChildSteps(tx, step);
  if (children.length < MAX_UNUSED_RESPONSES) return;
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
