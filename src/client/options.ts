import type { Suite } from './suite.ts';

/** Where a session is kept between runs, as one text. It holds the session's secrets: keep it as you keep a password. */
export interface SessionStorage {
  load(): string | null | undefined | Promise<string | null | undefined>;
  /** Called before each request is sent, and after each answer: nothing is sent until it is done. */
  save(text: string): void | Promise<void>;
}

/** Time, which tests replace. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** The pause before a request is sent again, in milliseconds. It may stay pending once the signal is aborted. */
  wait(milliseconds: number, signal: AbortSignal): Promise<unknown>;
  /** Calls back after so many milliseconds, unless the function that it returns is called before. */
  startTimer(callback: () => void, milliseconds: number): () => void;
}

/** The last argument of every call. */
export interface CallOptions {
  /** Stops waiting. A request that was sent stays recorded, and the next call finds out first what became of it. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the call may take, waiting for other calls and sending again included. 60,000 by default. */
  readonly deadline?: number | undefined;
}

/** How to connect. In suite 2 there must be a `pin` or an `onFirstUse`. */
export interface ConnectOptions {
  /** Stops connecting; each later call has a signal of its own. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for connecting, and for each call that does not say otherwise. 60,000 by default. */
  readonly deadline?: number | undefined;
  /** The server's fingerprint, 43 characters: base64url of its Ed25519 identity key. */
  readonly pin?: string | undefined;
  /**
   * Trust on first use: is given the server's fingerprint, refuses it by returning false or throwing, and stores it as
   * the pin of all later connections. Not called where `pin` or a stored session tells the fingerprint.
   */
  readonly onFirstUse?: ((fingerprint: string) => unknown) | undefined;
  /** Keeps the session for the next run. Without it, the session ends with the object. */
  readonly storage?: SessionStorage | undefined;
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Suite 2 if not given. For servers that speak suite 1 only: `suite1` of `vws-client/suite1`. */
  readonly suite?: Suite | undefined;
  readonly clock?: Clock | undefined;
}
