// The contract of a suite: how sessions are established, and how requests are decrypted and responses encrypted.
import type { Endpoint } from '../../../protocol/endpoints.ts';
import type { Problem } from '../../../protocol/problems.ts';
import type { FoundStep } from '../../store/sessionSteps.ts';
import type { Transaction } from '../../store/store.ts';
import type { Session } from '../session.ts';

/** The keys of one step, as its client holds them. */
export interface StepKeys {
  /** Names the step on the wire; the stored secret cannot be opened without it. */
  readonly sessionKey: string;
  /** Encrypts the request made with this step and its response. Its format depends on the suite. */
  readonly secret: Uint8Array;
}

/** A JSON object as received, with fields of any type. */
export type Body = Readonly<Record<string, unknown>>;

/** A request inside a session, as the HTTP layer parsed it. */
export interface WireRequest {
  readonly endpoint: Endpoint;
  readonly sessionKey: string;
  readonly body: Body;
  /** The path and body as received: a retry has the same bytes. */
  readonly bytes: readonly Uint8Array[];
  /** Subject of the rate limits per address. */
  readonly address: string;
  /** The recipient names that the last segment of the path may mean (suite 1). */
  readonly recipientNames: readonly string[];
  /** True if an attacker on the network path may have sent it: suite 1 without HTTPS. */
  readonly isForgeable?: boolean;
}

/** A response as sent, stored until the client proves that it arrived. */
export interface WireResponse {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

/** Unencrypted fields of a response. */
export type ResponseFields = Readonly<Record<string, unknown>>;

/** The next step, and the response that gives its keys to the client. */
export interface NextStep {
  readonly keys: StepKeys;
  readonly response: WireResponse;
  /** KEM ciphertext of a rekey, needed to regenerate a response that leads to the same next step. */
  readonly keyEstablishment?: Uint8Array;
}

/** An authentic request at its step. */
export interface DecryptedRequest {
  readonly session: Session;
  readonly step: FoundStep;
  /** The texts that the endpoint takes, or why the content is malformed. */
  readonly fields: Readonly<Record<string, string>> | Problem;
  /**
   * Encrypts the response.
   *
   * @param content fields of the response, or the problem to report
   * @param keyEstablishment of an earlier response to the same request that was not stored: leads to the same next step
   */
  seal(content: ResponseFields | Problem, keyEstablishment?: Uint8Array): NextStep;
  /** Set if the request was executed before and its response, too long to store, has to be regenerated. */
  readonly executed?: { readonly keyEstablishment: Uint8Array | undefined };
}

/** The response to a handshake, and the session if it opened one. */
export interface Handshake {
  readonly response: WireResponse;
  readonly session?: { readonly id: Uint8Array; readonly keys: StepKeys };
}

/** The cryptography of a session. Suites differ in nothing else. */
export interface Suite {
  readonly number: number;
  /** True if a client may send a different request instead of retrying one whose response was lost. */
  readonly allowsAnotherRequest: boolean;
  /** Idle timeout before the first request. */
  readonly unusedTimeoutMs: number;
  /** @throws Problem `handshake_refused` */
  openHandshake(transaction: Transaction, body: Body): Promise<Handshake>;
  /** @returns the id of the session that a session key belongs to, if the key reveals it */
  sessionIdOf(sessionKey: string): Uint8Array | undefined;
  /** @returns the bytes that identify a request: a retry is recognized by them */
  identify(request: WireRequest): readonly Uint8Array[];
  /**
   * Decrypts a request with the secret of its step.
   *
   * @throws Problem `malformed_request` if decryption fails: the request may not be the client's
   */
  decrypt(secret: Uint8Array, request: WireRequest): Pick<DecryptedRequest, 'fields' | 'seal'>;
}
