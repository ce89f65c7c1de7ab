// Moves sessions from step to step: finds the step of a request, replays stored responses and stores the next step.
import { Problem } from '../../protocol/problems.ts';
import { holdEpoch } from '../store/epochs.ts';
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
/**
 * Time for which a step that changed something accepts another request over a connection without HTTPS. Afterwards such a
 * request is more likely forged than sent by a client that lost a response.
 */
export const ANOTHER_REQUEST_WINDOW_MS = 5_000;
/** A longer response body, in characters, is regenerated instead of being stored, where the endpoint allows that. */
export const MAX_STORED_RESPONSE_LENGTH = 16 * 1024;
/** Bytes of stored responses in a session, beyond which responses to repeatable requests are regenerated, too. */
export const MAX_STORED_BYTES_PER_SESSION = 64 * 1024;

/** When sessions expire. */
export interface SessionLifetime {
  /** Time without a request after which a session expires. */
  readonly idleTimeoutMs: number;
  /** Time since its handshake after which a session expires even if it is in use; may be infinite. */
  readonly maxAgeMs: number;
}

export interface RatchetDependencies {
  /** Encrypts stored steps together with their session keys: 32 bytes. */
  readonly keyEncryptionKey: Uint8Array;
  /** Wrap the encrypted secrets of stored steps. */
  readonly epochKeys: {
    wrap(bytes: Uint8Array): { bytes: Uint8Array; epochId: Uint8Array | null };
    /** @returns undefined if the key of the epoch was lost */
    unwrap(wrapped: { bytes: Uint8Array; epochId: Uint8Array | null }): Uint8Array | undefined;
  };
  readonly lifetime: SessionLifetime;
  readonly clock: () => number;
}

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
  readonly #epochKeys: RatchetDependencies['epochKeys'];
  readonly #lifetime: SessionLifetime;
  readonly #clock: () => number;

  constructor({ keyEncryptionKey, epochKeys, lifetime, clock }: RatchetDependencies) {
    this.#keyEncryptionKey = keyEncryptionKey;
    this.#epochKeys = epochKeys;
    this.#lifetime = lifetime;
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

  /** Reports whether a session key names a session. */
  async isKnown(tx: Transaction, suite: Suite, sessionKey: string): Promise<boolean> {
    const { stepId } = new StepEncryption(this.#keyEncryptionKey, sessionKey);
    if (await findStep(tx, stepId)) return true;
    const sessionId = suite.sessionIdOf(sessionKey);
    return sessionId !== undefined && (await sessionExists(tx, sessionId));
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
    if (!(await this.#hasExpired(tx, step, suite))) return step;
    await deleteSession(tx, step.session_id);
    return 'expired';
  }

  async #hasExpired(tx: Transaction, step: FoundStep, suite: Suite): Promise<boolean> {
    const now = this.#clock();
    // The start of sessions from the first version of the schema is unknown: 0.
    if (step.started_at && now - step.started_at >= this.#lifetime.maxAgeMs) return true;
    const expiredSince = now - this.#timeoutOf(step, suite);
    if (step.last_used_at > expiredSince) return false;
    // A response may be used long after it was made, in a session that has been in use since.
    return (await findLastUse(tx, step.session_id)) <= expiredSince;
  }

  /**
   * Reads the stored response of a request that was executed before. Repeating a request does not keep the session alive: an
   * eavesdropper can do it.
   *
   * @returns undefined if the request was not executed with this step
   * @throws Problem `out_of_sync` if another request was, and the suite allows one request per step
   * @throws Problem `session_not_found` if a forgeable request came too late after another one
   */
  async replay(tx: Transaction, request: SealedRequest, step: FoundStep): Promise<StoredResponse | undefined> {
    // Spares the hot path a query: no request has been executed with an unused step.
    if (!step.used) return undefined;
    const sealed = await findSealedResponse(tx, step, request.requestHash);
    if (!sealed) {
      if (!request.suite.allowsAnotherRequest) throw new Problem('out_of_sync');
      if (request.isForgeable) await this.#rejectLate(tx, step);
      return undefined;
    }
    return request.encryption.openResponse(sealed, request.requestHash);
  }

  /**
   * Decrypts a request with the secret of its step.
   *
   * @param executed what {@link replay} found, if the response has to be regenerated
   * @throws Problem `malformed_request` if decryption fails, `session_not_found` if the key of its epoch was lost
   */
  decrypt(request: SealedRequest, step: FoundStep, executed: DecryptedRequest['executed']): DecryptedRequest {
    const sealedSecret = this.#epochKeys.unwrap({ bytes: step.sealed_secret, epochId: step.epoch_id });
    // The epoch file was lost, so the session is, too.
    if (!sealedSecret) throw new Problem('session_not_found');
    const { fields, seal } = request.suite.decrypt(request.encryption.openSecret(sealedSecret), request);
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
    if (executed) return seal(content, executed.keyEstablishment).response;
    const storedBytes = step.used ? await makeRoom(tx, step) : 0;
    await countUse(tx, step.step_id);
    const { keys, response, keyEstablishment } = seal(content);
    const { repeatable, rebuildsLongAnswers } = request.endpoint;
    const { length } = response.body;
    const isLong =
      (repeatable || rebuildsLongAnswers === true) &&
      (length > MAX_STORED_RESPONSE_LENGTH || storedBytes + length > MAX_STORED_BYTES_PER_SESSION);
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
    await holdEpoch(tx);
    const session = { id, suite: suite.number, startedAt: this.#clock(), userId: null, pendingId: null };
    const origin = { parent_id: null, repeatable: 0, request_hash: null, sealed_response: null };
    await insertStep(tx, this.#newStep(suite, keys, session, origin));
  }

  async #rejectLate(tx: Transaction, step: FoundStep): Promise<void> {
    const since = this.#clock() - ANOTHER_REQUEST_WINDOW_MS;
    const children = await findChildSteps(tx, step);
    const isLate = children.some(({ repeatable, last_used_at }) => !repeatable && last_used_at < since);
    if (isLate) throw new Problem('session_not_found');
  }

  #timeoutOf(step: FoundStep, { unusedTimeoutMs }: Suite): number {
    const isFirst = !step.used && !step.parent_id;
    const { idleTimeoutMs } = this.#lifetime;
    return isFirst ? Math.min(idleTimeoutMs, unusedTimeoutMs) : idleTimeoutMs;
  }

  #newStep(
    suite: Suite,
    keys: StepKeys,
    session: Session,
    origin: Pick<SessionStep, 'parent_id' | 'repeatable' | 'request_hash' | 'sealed_response'>,
  ): SessionStep {
    const encryption = new StepEncryption(this.#keyEncryptionKey, keys.sessionKey);
    const wrapped = this.#epochKeys.wrap(encryption.sealSecret(keys.secret));
    return {
      step_id: encryption.stepId,
      session_id: session.id,
      suite: suite.number,
      user_id: session.userId,
      recovery_id: session.pendingId,
      sealed_secret: wrapped.bytes,
      epoch_id: wrapped.epochId,
      used: 0,
      last_used_at: this.#clock(),
      started_at: session.startedAt,
      ...origin,
    };
  }
}

/**
 * Limits the number of unused responses; drops those first whose requests can safely be repeated.
 *
 * @returns the bytes of the responses that stay
 */
async function makeRoom(tx: Transaction, step: FoundStep): Promise<number> {
  const children = await findChildSteps(tx, step);
  const storedBytes = children.reduce((sum, { response_bytes }) => sum + response_bytes, 0);
  if (children.length < MAX_UNUSED_RESPONSES) return storedBytes;
  const expendable = children.find((child) => child.repeatable);
  if (!expendable) throw new Problem('unanswered_requests');
  await deleteStep(tx, expendable.step_id);
  return storedBytes - expendable.response_bytes;
}

function sessionOf(step: FoundStep): Session {
  return {
    id: step.session_id,
    suite: step.suite,
    startedAt: step.started_at,
    userId: step.user_id,
    pendingId: step.recovery_id,
  };
}
