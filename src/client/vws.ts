// The public API of a session: its calls, translated to the endpoints of the protocol.
import { contactChanged, isSameContact, type Sender, senderOf } from './contacts.ts';
import type { DeviceTokens } from './deviceTokens.ts';
import { VwsError } from './error.ts';
import { type Fields, listOf, textOf, textOrNull, timeOrNull } from './fields.ts';
import type { CallOptions, ContactStorage } from './options.ts';
import type { Registration, RegistrationResult } from './registration.ts';
import type { Session } from './session.ts';
import type { Call } from './suite.ts';
import { TokenCalls } from './tokenCalls.ts';

/** A decrypted message. */
export interface DecryptedMessage extends Sender {
  readonly text: string;
  /** When the message was encrypted; null if it is unknown, and in suite 1. */
  readonly sentAt: Date | null;
}

/** The account that the session is logged in to. */
export interface Account {
  readonly username: string;
  readonly email: string;
}

/** A session that is logged in to the account. */
export interface SessionInfo {
  readonly id: string;
  readonly suite: number;
  /** Null if the server did not record it. */
  readonly startedAt: Date | null;
  readonly lastUsedAt: Date;
  /** True for this session. */
  readonly current: boolean;
  /** The text set by {@link Vws.labelSession}; null if there is none. */
  readonly label: string | null;
}

/**
 * A session with a server, opened by {@link connect}.
 *
 * Calls can be made at any time, also concurrently: they are sent one after the other. Every call takes
 * {@link CallOptions} as its last argument and rejects with a {@link VwsError}. Each call can fail with the codes of the
 * client (`network`, `deadline`, `aborted`, `bad_answer`, `storage_failed`), of a lost session (`session_not_found`,
 * `session_expired`, `out_of_sync`) and of a busy server (`too_many_requests`, `overloaded`, `store_unavailable`). The
 * calls below list their own codes. Those of token messages, such as {@link send} and {@link open}, are inherited.
 */
export class Vws extends TokenCalls {
  /** The server's base URL, without a trailing slash. */
  readonly url: string;
  readonly suite: 1 | 2;
  /** The server's fingerprint, 43 characters of base64url: store it as the pin. Empty in suite 1. */
  readonly fingerprint: string;
  readonly #label: string | undefined;
  readonly #session: Session;
  readonly #devices: DeviceTokens;
  readonly #contacts: ContactStorage | undefined;

  /** @internal Use {@link connect}. */
  constructor(
    { url, suite, label }: Pick<Vws, 'url' | 'suite'> & { readonly label?: string | undefined },
    session: Session,
    devices: DeviceTokens,
    contacts?: ContactStorage,
  ) {
    super(session, contacts);
    this.url = url;
    this.suite = suite;
    this.#label = suite === 2 ? label : undefined;
    this.fingerprint = session.fingerprint;
    this.#session = session;
    this.#devices = devices;
    this.#contacts = contacts;
  }

  /**
   * Requests an account: emails a code for {@link confirmRegistration}. If the address already has an account, its owner gets an
   * email without a code, and the result is the same. In suite 1, creates the account and logs the session in at once.
   *
   * @throws {VwsError} `invalid_username`, `invalid_email`, `password_refused`, `username_taken`, `registration_closed`,
   *   `invite_required`; in suite 1 also `email_taken`
   * @example
   * await vws.register({ username: 'alice', email: 'alice@example.org', password });
   */
  async register(registration: Registration, options?: CallOptions): Promise<RegistrationResult> {
    const { username, email, password, invite } = registration;
    const fields = { username, email, password, ...(invite !== undefined && { invite }) };
    const { next } = await this.#call('/register_user', fields, options);
    if (next === undefined) return { next: null };
    if (next !== 'confirm_email')
      throw new VwsError('bad_answer', 'The server wants an unknown step after a registration.');
    return { next };
  }

  /**
   * Creates the account after {@link register} and logs the session in.
   *
   * @param code 6 characters from the email, case-insensitive
   * @throws {VwsError} `no_registration`, `invalid_code`, `username_taken`, `registration_closed`, `invite_required`
   * @example
   * await vws.confirmRegistration('AB12CD');
   */
  async confirmRegistration(code: string, options?: CallOptions): Promise<void> {
    const fields = await this.#call('/confirm_registration', { code }, options);
    await this.#keepLogin(textOf(fields, 'email'), fields.device_token, options);
  }

  /**
   * Logs the session in.
   *
   * @throws {VwsError} `invalid_credentials`, `account_locked`
   * @example
   * await vws.login({ email: 'alice@example.org', password });
   */
  async login({ email, password }: { email: string; password: string }, options?: CallOptions): Promise<void> {
    const fields = { email, password, ...this.#devices.fieldFor(this.fingerprint, email) };
    const { device_token } = await this.#call('/login_user', fields, options);
    await this.#keepLogin(email, device_token, options);
  }

  /**
   * Logs the session out. It can be used to log in again.
   *
   * @throws {VwsError} `not_authenticated`
   * @example
   * await vws.logOut();
   */
  logOut(options?: CallOptions): Promise<void> {
    return this.#run('/log_out', {}, options);
  }

  /**
   * Has the server encrypt a message so that only one user can decrypt it.
   *
   * @param username the recipient
   * @param text any Unicode text, up to 1 MiB of UTF-8 by default
   * @returns the message, one line of `A-Za-z0-9-_`
   * @throws {VwsError} `not_authenticated`, `user_not_found`, `message_too_large`, `payload_too_large`, `contact_changed`
   * @example
   * const message = await vws.encrypt('bob', 'See you at eight.');
   */
  async encrypt(username: string, text: string, options?: CallOptions): Promise<string> {
    const fields = await this.#call('/encrypt/:username', { username, message: text }, options);
    if (!(await isSameContact(this.#contacts, username, fields.recipient_id))) {
      throw contactChanged();
    }
    return textOf(fields, 'message');
  }

  /**
   * Has the server decrypt a message that was encrypted for the user of this session.
   *
   * @param message as returned by {@link encrypt}
   * @throws {VwsError} `not_authenticated`, `undecryptable_message`
   * @example
   * const { text, sender, sentAt } = await vws.decrypt(message);
   */
  async decrypt(message: string, options?: CallOptions): Promise<DecryptedMessage> {
    const fields = await this.#call('/decrypt', { message }, options);
    const sender = await senderOf(this.#contacts, fields);
    return { text: textOf(fields, 'message'), ...sender, sentAt: timeOrNull(fields.sent_at) };
  }

  /**
   * Returns the account that the session is logged in to.
   *
   * @throws {VwsError} `not_authenticated`
   * @example
   * const { username, email } = await vws.getAccount();
   */
  async getAccount(options?: CallOptions): Promise<Account> {
    const fields = await this.#call('/account', {}, options);
    return { username: textOf(fields, 'username'), email: textOf(fields, 'email') };
  }

  /**
   * Changes the username. The old name stays reserved: messages can still be encrypted for it and decrypted.
   *
   * @param change password: the current one
   * @throws {VwsError} `not_authenticated`, `invalid_username`, `username_taken`, `renamed_too_often`,
   *   `invalid_credentials`, `account_locked`
   * @example
   * await vws.changeUsername({ newUsername: 'alicia', password });
   */
  changeUsername(change: { newUsername: string; password: string }, options?: CallOptions): Promise<void> {
    return this.#run('/change_username', { new_username: change.newUsername, password: change.password }, options);
  }

  /**
   * Changes the password and ends all other sessions of the user.
   *
   * @param change password: the current one
   * @throws {VwsError} `not_authenticated`, `password_refused`, `invalid_credentials`, `account_locked`
   * @example
   * await vws.changePassword({ password, newPassword });
   */
  changePassword(change: { password: string; newPassword: string }, options?: CallOptions): Promise<void> {
    return this.#run('/change_password', { password: change.password, new_password: change.newPassword }, options);
  }

  /**
   * Sends a recovery code by email if an account with this address exists. The response does not reveal whether it does.
   *
   * @example
   * await vws.requestPasswordReset('alice@example.org');
   */
  requestPasswordReset(email: string, options?: CallOptions): Promise<void> {
    const fields = { email, ...this.#devices.fieldFor(this.fingerprint, email) };
    return this.#run('/forgot_password', fields, options);
  }

  /**
   * Verifies the recovery code. This session may then set a new password, once and within 10 minutes.
   *
   * @param code 6 characters from the email, case-insensitive
   * @throws {VwsError} `no_recovery`, `invalid_code`
   * @example
   * await vws.verifyResetCode('AB12CD');
   */
  verifyResetCode(code: string, options?: CallOptions): Promise<void> {
    return this.#run('/confirm_forgot_password', { code }, options);
  }

  /**
   * Sets the new password after {@link verifyResetCode} and ends all other sessions of the user. Does not log in.
   *
   * @throws {VwsError} `no_recovery`, `password_refused`
   * @example
   * await vws.resetPassword(newPassword);
   */
  resetPassword(newPassword: string, options?: CallOptions): Promise<void> {
    return this.#run('/final_forgot_password', { new_password: newPassword }, options);
  }

  /**
   * Lists the sessions that are logged in to the account, most recently used first.
   *
   * @throws {VwsError} `not_authenticated`
   * @example
   * const others = (await vws.listSessions()).filter(({ current }) => !current);
   */
  async listSessions(options?: CallOptions): Promise<SessionInfo[]> {
    return listOf(await this.#call('/list_sessions', {}, options), 'sessions').map(sessionInfo);
  }

  /**
   * Ends one of the other sessions of the account.
   *
   * @param id from {@link listSessions}
   * @throws {VwsError} `not_authenticated`, `no_such_session`
   * @example
   * await vws.endSession(others[0].id);
   */
  endSession(id: string, options?: CallOptions): Promise<void> {
    return this.#run('/end_session', { session: id }, options);
  }

  /**
   * Ends all other sessions of the account.
   *
   * @throws {VwsError} `not_authenticated`
   * @example
   * await vws.endOtherSessions();
   */
  endOtherSessions(options?: CallOptions): Promise<void> {
    return this.#run('/end_other_sessions', {}, options);
  }

  /**
   * Labels this session for the list of sessions. The label is deleted at logout.
   *
   * @param label 1 to 40 printable characters
   * @throws {VwsError} `not_authenticated`, `invalid_value`
   * @example
   * await vws.labelSession('Firefox on Linux');
   */
  labelSession(label: string, options?: CallOptions): Promise<void> {
    return this.#run('/label_session', { label }, options);
  }

  /**
   * Begins a change of the email address: emails a code to the new one.
   *
   * @param change password: the current one
   * @throws {VwsError} `not_authenticated`, `invalid_email`, `email_taken`, `invalid_credentials`, `account_locked`
   * @example
   * await vws.changeEmail({ newEmail: 'alicia@example.org', password });
   */
  changeEmail(change: { newEmail: string; password: string }, options?: CallOptions): Promise<void> {
    return this.#run('/change_email', { new_email: change.newEmail, password: change.password }, options);
  }

  /**
   * Sets the new email address after {@link changeEmail}. The old one gets an email about it.
   *
   * @param code 6 characters from the email to the new address, case-insensitive
   * @throws {VwsError} `not_authenticated`, `no_email_change`, `invalid_code`, `email_taken`
   * @example
   * await vws.confirmChangeEmail('AB12CD');
   */
  async confirmChangeEmail(code: string, options?: CallOptions): Promise<void> {
    const fields = await this.#call('/confirm_change_email', { code }, options);
    await this.#devices.move(this.fingerprint, textOf(fields, 'former_email'), textOf(fields, 'email'));
  }

  /**
   * Chooses the optional notices by mail.
   *
   * @param notices login: the logins that are reported; `new_devices` unless it was set, in suite 1 `off`
   * @throws {VwsError} `not_authenticated`, `invalid_value`
   * @example
   * await vws.setNotices({ login: 'all' });
   */
  setNotices({ login }: { login: 'off' | 'new_devices' | 'all' }, options?: CallOptions): Promise<void> {
    return this.#run('/set_notices', { login }, options);
  }

  /**
   * Deletes the account. **Messages written to it can never be decrypted again, and the name is lost.** The session is
   * logged out: delete it from the storage.
   *
   * @param confirmation username: the name of the account, as typed by the user
   * @throws {VwsError} `not_authenticated`, `username_mismatch`, `invalid_credentials`, `account_locked`
   * @example
   * await vws.deleteAccount({ username: 'alice', password });
   */
  deleteAccount({ username, password }: { username: string; password: string }, options?: CallOptions): Promise<void> {
    return this.#run('/delete_account', { username, password }, options);
  }

  /** A login that succeeded does not fail because of its label. */
  async #keepLogin(email: string, deviceToken: unknown, options?: CallOptions): Promise<void> {
    await this.#devices.keep(this.fingerprint, email, deviceToken);
    if (this.#label !== undefined) await this.labelSession(this.#label, options).catch(() => {});
  }

  #call(path: Call['path'], fields: Call['fields'], options?: CallOptions): Promise<Fields> {
    return this.#session.call({ path, fields }, options);
  }

  async #run(path: Call['path'], fields: Call['fields'], options?: CallOptions): Promise<void> {
    await this.#call(path, fields, options);
  }
}

function sessionInfo(session: Fields): SessionInfo {
  return {
    id: textOf(session, 'id'),
    suite: Number(session.suite),
    startedAt: timeOrNull(session.started_at),
    lastUsedAt: new Date(Number(session.last_used_at)),
    current: session.current === true,
    label: textOrNull(session.label),
  };
}
