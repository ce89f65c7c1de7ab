// The options of connections and calls.
import type { SentMessage } from './sentMessage.ts';
import type { Suite } from './suite.ts';

/** Stores a session between runs, as one text. The text contains the session's keys: protect it like a password. */
export interface SessionStorage {
  /** Returns the stored text, or null or undefined if there is none. */
  load(): string | null | undefined | Promise<string | null | undefined>;
  /** Stores the text. Called before each request, which is sent only when this has succeeded, and after each response. */
  save(text: string): void | Promise<void>;
}

/**
 * Stores which user id belongs to a name. A `Map` is sufficient; a persistent one also protects the next run. To accept a
 * change, delete the name or set the new id.
 */
export interface ContactStorage {
  /** @param name in lower case */
  get(name: string): string | null | undefined | Promise<string | null | undefined>;
  set(name: string, id: string): unknown;
}

/** The source of time. Tests replace it. */
export interface Clock {
  /** @returns milliseconds since 1970 */
  now(): number;
  /** Waits before a request is resent. May stay pending after the signal is aborted. */
  wait(milliseconds: number, signal: AbortSignal): Promise<unknown>;
  /**
   * Calls `callback` after this many milliseconds.
   * @returns a function that cancels the timer
   */
  startTimer(callback: () => void, milliseconds: number): () => void;
}

/** The last argument of every call. */
export interface CallOptions {
  /** Aborts the call. A request that was sent stays stored, and the next call resolves it first. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the call may take, including waiting for other calls and resending. Default: 60,000. */
  readonly deadline?: number | undefined;
}

/** Options of {@link connect}. Suite 2 requires `pin` or `onFirstUse`. */
export interface ConnectOptions {
  /** Aborts connecting. Later calls have their own signals. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for connecting, and the default for each call. Default: 60,000. */
  readonly deadline?: number | undefined;
  /** The server's fingerprint: base64url of its Ed25519 identity key, 43 characters. */
  readonly pin?: string | undefined;
  /**
   * Trust on first use: receives the server's fingerprint and refuses it by returning false or throwing. The caller stores
   * it as the pin of all later connections. Not called if `pin` or a stored session determines the fingerprint.
   */
  readonly onFirstUse?: ((fingerprint: string) => unknown) | undefined;
  /** Stores the session for the next run. Without it, the session exists only in memory. */
  readonly storage?: SessionStorage | undefined;
  /**
   * Stores the tokens by which servers recognize this client at its next login, so that wrong passwords of others cannot lock
   * it out. Several sessions, accounts and servers can share it. Keep it when a session ends. Default: in memory.
   */
  readonly deviceStorage?: SessionStorage | undefined;
  /**
   * Receives a message whose `send` failed with `network`, `deadline` or `aborted`, or whose program ended, and that was sent
   * after all: another call has settled it. Called before that call returns. If it throws, the call fails with
   * `storage_failed`, and the next call reports the message again.
   */
  readonly onUnclaimedSend?: ((sent: SentMessage) => unknown) | undefined;
  /** Detects that a name belongs to another user than before (`contact_changed`). Not in suite 1, which has no ids. */
  readonly contacts?: ContactStorage | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Default: suite 2. For servers that support only suite 1: `suite1` of `vws-client/suite1`. */
  readonly suite?: Suite | undefined;
  readonly clock?: Clock | undefined;
  /** Suite 2: labels the session after each login, for the list of sessions: 1 to 40 printable characters. */
  readonly label?: string | undefined;
}
