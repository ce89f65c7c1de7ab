import type { CallOptions } from './options.ts';

/** A message, opened. */
export interface OpenedMessage {
  readonly text: string;
  /** The name of the user who had it encrypted, as it is now; null if that is not known (any more), and in suite 1. */
  readonly sender: string | null;
  /** When it was encrypted; null if that is not known, and in suite 1. */
  readonly sentAt: Date | null;
}

/** Whose account the session is logged in to. */
export interface Account {
  readonly username: string;
  readonly email: string;
}

/** A session that is logged in to the account. */
export interface SessionInfo {
  readonly id: string;
  readonly suite: number;
  /** Null if the server did not note it. */
  readonly startedAt: Date | null;
  readonly lastUsedAt: Date;
  /** It is this session. */
  readonly current: boolean;
}

/**
 * A session with a server. Calls may be made at any time, also at once: they are sent one after the other. Every call
 * rejects with a `VwsError`.
 */
export interface Vws {
  /** The server's base URL, without a slash at its end. */
  readonly url: string;
  readonly suite: 1 | 2;
  /** The server's fingerprint, to be stored as the pin. Empty in suite 1, where servers have none. */
  readonly fingerprint: string;

  /**
   * Makes an account. The session is then logged in as the new user.
   * @example
   * await vws.register({ username: 'alice', email: 'alice@example.org', password });
   */
  register(account: { username: string; email: string; password: string }, options?: CallOptions): Promise<void>;
  /**
   * Logs the session in.
   * @example
   * await vws.login({ email: 'alice@example.org', password });
   */
  login(credentials: { email: string; password: string }, options?: CallOptions): Promise<void>;
  /**
   * Logs the session out. It can be used to log in again.
   * @example
   * await vws.logOut();
   */
  logOut(options?: CallOptions): Promise<void>;

  /**
   * KeyedMutex a text into a ciphertext that `username` alone can have opened again: one line of `A-Za-z0-9-_`.
   * @example
   * const message = await vws.encrypt('bob', 'See you at eight.');
   */
  encrypt(username: string, text: string, options?: CallOptions): Promise<string>;
  /**
   * Opens a ciphertext that was made for the user of this session.
   * @example
   * const { text, sender, sentAt } = await vws.decrypt(message);
   */
  decrypt(message: string, options?: CallOptions): Promise<OpenedMessage>;

  /**
   * Tells whose account the session is logged in to.
   * @example
   * const { username, email } = await vws.getAccount();
   */
  getAccount(options?: CallOptions): Promise<Account>;
  /**
   * Gives the account a new name. Messages made for the old name can still be opened.
   * @example
   * await vws.changeUsername({ newUsername: 'alicia', password });
   */
  changeUsername(change: { newUsername: string; password: string }, options?: CallOptions): Promise<void>;
  /**
   * Sets a new password and ends every other session of the user.
   * @example
   * await vws.changePassword({ password, newPassword });
   */
  changePassword(change: { password: string; newPassword: string }, options?: CallOptions): Promise<void>;

  /**
   * Has a recovery code mailed, if there is an account with this address.
   * @example
   * await vws.requestPasswordReset('alice@example.org');
   */
  requestPasswordReset(email: string, options?: CallOptions): Promise<void>;
  /**
   * Proves that the mail arrived: this session may then set a new password, once.
   * @example
   * await vws.verifyResetCode('AB12CD');
   */
  verifyResetCode(code: string, options?: CallOptions): Promise<void>;
  /**
   * Sets the new password. It does not log this session in.
   * @example
   * await vws.resetPassword(newPassword);
   */
  resetPassword(newPassword: string, options?: CallOptions): Promise<void>;

  /**
   * Lists the sessions that are logged in to the account, the one used last first.
   * @example
   * const others = (await vws.listSessions()).filter(({ current }) => !current);
   */
  listSessions(options?: CallOptions): Promise<SessionInfo[]>;
  /**
   * Ends one of the other sessions of the account.
   * @example
   * await vws.endSession(others[0].id);
   */
  endSession(id: string, options?: CallOptions): Promise<void>;
  /**
   * Ends every session of the account but this one.
   * @example
   * await vws.endOtherSessions();
   */
  endOtherSessions(options?: CallOptions): Promise<void>;
}
