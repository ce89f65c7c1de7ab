// The state that a session carries from step to step.

/** Session state at one step. */
export interface Session {
  readonly id: Uint8Array;
  /** Number of the suite that the session is encrypted with. */
  readonly suite: number;
  /** When the session was opened, in milliseconds since 1970; 0 if that was not recorded. */
  readonly startedAt: number;
  /** The logged-in user. */
  readonly userId: Uint8Array | null;
  /** The password recovery or registration that was started in this session and waits for its code. */
  readonly pendingId: Uint8Array | null;
}

export interface LoggedInSession extends Session {
  readonly userId: Uint8Array;
}
