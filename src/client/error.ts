import type { ProblemCode } from '../protocol/problems.ts';

/**
 * What went wrong on this side of the wire.
 *
 * - `url_invalid`: the server's address is no URL, or none that can be a server's
 * - `network`: no answer; the request was sent again and again until the deadline
 * - `deadline`: the time was up before an answer came
 * - `aborted`: the caller's signal stopped the call
 * - `bad_answer`: what came is no authentic answer, or an answer that breaks the protocol
 * - `identity_required`: neither `pin` nor `onFirstUse` was given, or a pin that is none
 * - `identity_changed`: the server has another identity than the pinned one
 * - `identity_refused`: `onFirstUse` refused the identity
 * - `descriptor_invalid`: the server's key is not signed by its identity, or not valid at the time of this device
 * - `downgrade_refused`: the server answered in another suite than the one that was asked for
 * - `storage_failed`: the session could not be loaded, or not be saved before sending; nothing was sent
 */
export type ClientErrorCode =
  | 'url_invalid'
  | 'network'
  | 'deadline'
  | 'aborted'
  | 'bad_answer'
  | 'identity_required'
  | 'identity_changed'
  | 'identity_refused'
  | 'descriptor_invalid'
  | 'downgrade_refused'
  | 'storage_failed';

/** Every code that a {@link VwsError} can have: the server's and this side's. */
export type VwsErrorCode = ProblemCode | ClientErrorCode;

/** What a {@link VwsError} carries beside its code. */
export interface VwsErrorOptions {
  readonly status?: number | undefined;
  readonly detail?: string | undefined;
  readonly retryAfter?: number | undefined;
  readonly fingerprint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The one error that calls reject with. Its texts hold no secret.
 *
 * @example
 * try {
 *   await vws.login({ email, password });
 * } catch (error) {
 *   if (error instanceof VwsError && error.code === 'invalid_credentials') askAgain();
 *   else throw error;
 * }
 */
export class VwsError extends Error {
  /** Stable: made to be compared. */
  readonly code: VwsErrorCode;
  /** The HTTP status, if there was an answer. */
  readonly status: number | undefined;
  /** What exactly is wrong, in English, if the server said so inside the session. */
  readonly detail: string | undefined;
  /** Seconds after which the same call may succeed, if the server said so. */
  readonly retryAfter: number | undefined;
  /**
   * With `identity_changed`: the fingerprint that was shown instead of the pinned one, by the server or by somebody who
   * poses as it. Undefined if it is a stored session that has another identity than the pinned one.
   */
  readonly fingerprint: string | undefined;

  constructor(code: VwsErrorCode, message: string, options: VwsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'VwsError';
    this.code = code;
    this.status = options.status;
    this.detail = options.detail;
    this.retryAfter = options.retryAfter;
    this.fingerprint = options.fingerprint;
  }

  /**
   * Whether the server says that it has no such session any more: clear the storage, connect and log in again.
   * `out_of_sync` may mean that a copy of the session was used elsewhere.
   */
  get sessionLost(): boolean {
    return this.code === 'session_not_found' || this.code === 'session_expired' || this.code === 'out_of_sync';
  }
}
