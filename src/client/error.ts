// The error type of the SDK and its codes.
import type { ProblemCode } from '../protocol/problems.ts';

/**
 * Errors that the SDK detects. docs/sdk.md describes all codes.
 *
 * - `url_invalid`: the URL of the server is not valid
 * - `network`: no response, although the request was resent until the deadline
 * - `deadline`: the deadline passed during the first attempt
 * - `aborted`: the caller's signal aborted the call
 * - `bad_answer`: the response is not authentic or violates the protocol
 * - `identity_required`: neither `pin` nor `onFirstUse` was given, or the pin is not a fingerprint
 * - `identity_changed`: the server does not have the pinned fingerprint
 * - `identity_refused`: `onFirstUse` refused the fingerprint
 * - `descriptor_invalid`: the server's key is not signed by its identity, or not valid at the time of this device
 * - `downgrade_refused`: the server responded in a different suite
 * - `storage_failed`: the session could not be loaded, or not be saved before sending; nothing was sent
 * - `contact_changed`: the name belongs to another user than before; the message is not returned
 * - `not_supported`: the server does not have token messages; nothing was sent
 * - `invalid_payload`: neither a token nor a message; nothing was sent
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
  | 'storage_failed'
  | 'contact_changed'
  | 'not_supported'
  | 'invalid_payload';

/** All codes of a {@link VwsError}: those of the server and those of the SDK. */
export type VwsErrorCode = ProblemCode | ClientErrorCode;

/** Optional properties of a {@link VwsError}. */
export interface VwsErrorOptions {
  readonly status?: number | undefined;
  readonly detail?: string | undefined;
  readonly retryAfter?: number | undefined;
  readonly fingerprint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The error of all calls. Its texts do not contain secrets.
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
  /** Stable identifier. */
  readonly code: VwsErrorCode;
  /** The HTTP status, if there was a response. */
  readonly status: number | undefined;
  /** Details in English, if the server reported them inside the session. */
  readonly detail: string | undefined;
  /** Seconds to wait before the same call may succeed, if the server reported it. */
  readonly retryAfter: number | undefined;
  /**
   * With `identity_changed`: the fingerprint that the server, or an attacker in its place, presented. Undefined if only the
   * stored session has a different fingerprint.
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
   * True if the session has ended according to the server: delete the stored session, connect and log in again.
   * `out_of_sync` can mean that a copy of the session was used elsewhere.
   */
  get sessionLost(): boolean {
    return this.code === 'session_not_found' || this.code === 'session_expired' || this.code === 'out_of_sync';
  }
}
