// The table of endpoints: paths, encrypted fields and problems. Routes, OpenAPI and documents are generated from it.
import type { ProblemCode } from './problems.ts';
import { RECIPIENT_ID, tokenMessageEndpoints } from './tokenMessageEndpoints.ts';

/** A capability that a server may have. */
export type Feature = 'token-messages';

/** One endpoint inside a session, the same in every suite. */
export interface Endpoint {
  readonly path: string;
  /** A short title in the imperative. */
  readonly summary: string;
  readonly description: string;
  /** `login` requires a session that is logged in. */
  readonly access: 'public' | 'login';
  /** Encrypted fields of the request, with their descriptions. */
  readonly fields: Readonly<Record<string, string>>;
  /** Optional encrypted fields of the request in suite 2. */
  readonly suite2Fields?: Readonly<Record<string, string>>;
  /** The suites that have the endpoint; all of them if it is missing. */
  readonly suites?: readonly number[];
  /** The capability that a server with this endpoint announces in the handshake; missing if every server has it. */
  readonly feature?: Feature;
  /** A field that suite 1 sends unencrypted as the last segment of the path. */
  readonly pathField?: string;
  /** Fields of a successful response in addition to the keys, with their descriptions. */
  readonly response: Readonly<Record<string, string>>;
  /** Additional fields of the response in suite 2. */
  readonly suite2Response?: Readonly<Record<string, string>>;
  /** Executing the request again does no harm, so a lost response may be regenerated instead of being stored. */
  readonly repeatable: boolean;
  /** A long response is not stored either: the handler, which then knows that the request is repeated, regenerates it. */
  readonly rebuildsLongAnswers?: true;
  /** The request or its response contains a message, so its body may be long. */
  readonly largeBody?: true;
  /** Problems that the endpoint's own rules can cause. */
  readonly problems: readonly ProblemCode[];
}

const DEVICE_TOKEN_FIELD = 'The token from an earlier login of this client to this account, if it has one.';
const DEVICE_TOKEN_RESPONSE = 'Proves at the next login that this client has logged in before: 43 characters.';

const credentials = ['invalid_credentials', 'account_locked'] as const satisfies ProblemCode[];

export const HANDSHAKE_PATH = '/create_session_key';

/**
 * Every endpoint inside a session. Existing clients know the first nine (ten with the handshake); the others were added
 * later.
 */
export const endpoints = {
  registerUser: {
    path: '/register_user',
    summary: 'Register a new user',
    description:
      'Suite 2 emails a code: the account exists once it is confirmed. The response is the same if the address already has an account, whose owner then gets an email without a code. Suite 1 creates the account and logs the session in at once.',
    access: 'public',
    fields: {
      username: 'The name that others encrypt for: 1 to 64 characters without #, not case-sensitive.',
      email: 'The address that receives recovery codes.',
      password:
        'The password: at least 8 characters of all four kinds, or a passphrase of at least 12 (see the rules).',
    },
    suite2Fields: { invite: 'A code of the operator, if the server requires one.' },
    response: {},
    suite2Response: { next: 'What follows: always confirm_email.' },
    repeatable: false,
    problems: [
      'registration_closed',
      'invite_required',
      'invalid_username',
      'invalid_email',
      'password_refused',
      'username_taken',
      'email_taken',
    ],
  },
  loginUser: {
    path: '/login_user',
    summary: 'Log in',
    description: 'Logs the session in. An unknown email address and a wrong password get the same response.',
    access: 'public',
    fields: { email: 'The email address of the account.', password: 'The password of the account.' },
    suite2Fields: { device_token: DEVICE_TOKEN_FIELD },
    response: {},
    suite2Response: { device_token: DEVICE_TOKEN_RESPONSE },
    repeatable: false,
    problems: ['invalid_email', ...credentials, 'suite2_required'],
  },
  encrypt: {
    path: '/encrypt/:username',
    summary: 'Encrypt a message for a user',
    description: 'Encrypts a message. Only the named user can have it decrypted.',
    access: 'login',
    fields: { message: 'The message: any Unicode text, may be empty, by default up to 1 MiB of UTF-8.' },
    pathField: 'username',
    response: { message: 'The ciphertext: one line of A-Z a-z 0-9 - _' },
    suite2Response: { recipient_id: RECIPIENT_ID },
    repeatable: true,
    largeBody: true,
    problems: ['not_authenticated', 'user_not_found', 'message_too_large'],
  },
  decrypt: {
    path: '/decrypt',
    summary: 'Decrypt a message',
    description: 'Decrypts a ciphertext that was encrypted for the user of this session.',
    access: 'login',
    fields: { message: 'The ciphertext.' },
    response: { message: 'The text.' },
    suite2Response: {
      sender: 'The name of the user who encrypted it, at that time; null if that user no longer exists.',
      sender_now: 'The current name of that user, or null.',
      sender_id: 'The id of that user, 32 hex digits, which never changes; null if it is unknown.',
      sent_at: 'Time of encryption, in milliseconds since 1970.',
    },
    repeatable: true,
    largeBody: true,
    problems: ['not_authenticated', 'undecryptable_message'],
  },
  changeUsername: {
    path: '/change_username',
    summary: 'Change the username',
    description:
      'Renames the account. The old name stays reserved for the user: messages for it can still be encrypted and decrypted.',
    access: 'login',
    fields: { new_username: 'The new name.', password: 'The password of the account.' },
    response: {},
    repeatable: false,
    problems: [
      'not_authenticated',
      'invalid_username',
      'password_refused',
      ...credentials,
      'username_taken',
      'renamed_too_often',
    ],
  },
  changePassword: {
    path: '/change_password',
    summary: 'Change the password',
    description: 'Sets a new password and ends every other session of the user.',
    access: 'login',
    fields: { password: 'The current password.', new_password: 'The new password.' },
    response: {},
    repeatable: false,
    problems: ['not_authenticated', 'password_refused', ...credentials],
  },
  forgotPassword: {
    path: '/forgot_password',
    summary: 'Recover an account: request a code',
    description:
      'Emails a recovery code if an account has this address. The response does not reveal whether one does.',
    access: 'public',
    fields: { email: 'The email address of the account.' },
    suite2Fields: { device_token: DEVICE_TOKEN_FIELD },
    response: {},
    repeatable: false,
    problems: [],
  },
  confirmForgotPassword: {
    path: '/confirm_forgot_password',
    summary: 'Recover an account: confirm the code',
    description: 'Checks the code. The session may then set a new password, once.',
    access: 'public',
    fields: { code: 'The code from the email, not case-sensitive.' },
    response: {},
    repeatable: false,
    problems: ['no_recovery', 'invalid_code'],
  },
  finalForgotPassword: {
    path: '/final_forgot_password',
    summary: 'Recover an account: set a new password',
    description: 'Sets the new password and ends every other session of the user. This session is not logged in.',
    access: 'public',
    fields: { new_password: 'The new password.' },
    response: {},
    repeatable: false,
    problems: ['no_recovery', 'password_refused'],
  },
  account: {
    path: '/account',
    summary: 'Show the account',
    description: 'Returns the account that the session is logged in to.',
    access: 'login',
    fields: {},
    response: { username: 'The name of the account.', email: 'The email address of the account.' },
    repeatable: true,
    problems: ['not_authenticated'],
  },
  listSessions: {
    path: '/list_sessions',
    summary: 'List sessions',
    description: 'Lists the sessions that are logged in to the account, most recently used first.',
    access: 'login',
    fields: {},
    response: {
      sessions:
        'A list (in suite 1 as JSON text) of objects with id, suite, started_at, last_used_at (milliseconds since 1970), current and label (null if it has none).',
    },
    repeatable: true,
    problems: ['not_authenticated'],
  },
  endSession: {
    path: '/end_session',
    summary: 'End another session',
    description: 'Ends another session of the account. To end the current session, log out.',
    access: 'login',
    fields: { session: 'The id of the session, from the list.' },
    response: {},
    repeatable: false,
    problems: ['not_authenticated', 'no_such_session'],
  },
  endOtherSessions: {
    path: '/end_other_sessions',
    summary: 'End all other sessions',
    description: 'Ends every session of the account except this one.',
    access: 'login',
    fields: {},
    response: {},
    repeatable: false,
    problems: ['not_authenticated'],
  },
  logOut: {
    path: '/log_out',
    summary: 'Log out',
    description: 'Logs the session out, at every step. The session can log in again.',
    access: 'login',
    fields: {},
    response: {},
    repeatable: false,
    problems: ['not_authenticated'],
  },
  confirmRegistration: {
    path: '/confirm_registration',
    summary: 'Register a new user: confirm the code',
    description: 'Creates the account and logs the session in as the new user.',
    access: 'public',
    suites: [2],
    fields: { code: 'The code from the email, not case-sensitive.' },
    response: { email: 'The email address of the account.', device_token: DEVICE_TOKEN_RESPONSE },
    repeatable: false,
    problems: ['no_registration', 'invalid_code', 'username_taken', 'registration_closed', 'invite_required'],
  },
  changeEmail: {
    path: '/change_email',
    summary: 'Change the email address: request a code',
    description: 'Emails a code to the new address. Nothing changes before the code is confirmed.',
    access: 'login',
    suites: [2],
    fields: { new_email: 'The new address.', password: 'The password of the account.' },
    response: {},
    repeatable: false,
    problems: ['not_authenticated', 'invalid_email', 'password_refused', ...credentials, 'email_taken'],
  },
  confirmChangeEmail: {
    path: '/confirm_change_email',
    summary: 'Change the email address: confirm the code',
    description: 'Sets the new address, and reports the change to the old one. Sessions continue.',
    access: 'login',
    suites: [2],
    fields: { code: 'The code from the email, not case-sensitive.' },
    response: { email: 'The new address.', former_email: 'The address before.' },
    repeatable: false,
    problems: ['not_authenticated', 'no_email_change', 'invalid_code', 'email_taken'],
  },
  deleteAccount: {
    path: '/delete_account',
    summary: 'Delete the account',
    description:
      'Deletes the account, its keys and its sessions. Messages written to the user can never be decrypted again. The name is never given to another user.',
    access: 'login',
    suites: [2],
    fields: { password: 'The password of the account.', username: 'The name of the account, as a confirmation.' },
    response: {},
    repeatable: false,
    problems: ['not_authenticated', 'password_refused', 'username_mismatch', ...credentials],
  },
  labelSession: {
    path: '/label_session',
    summary: 'Label the session',
    description: 'Sets the label of the current session, which the list of sessions shows until it logs out.',
    access: 'login',
    suites: [2],
    fields: { label: 'The label: 1 to 40 printable characters.' },
    response: {},
    repeatable: false,
    problems: ['not_authenticated', 'invalid_value'],
  },
  setNotices: {
    path: '/set_notices',
    summary: 'Choose the notices by mail',
    description:
      'Sets which optional notices are mailed. Notices about a new password, a recovery, a lock and a changed address are always sent.',
    access: 'login',
    suites: [2],
    fields: { login: 'Notices of logins: off, new_devices or all.' },
    response: {},
    repeatable: false,
    problems: ['not_authenticated', 'invalid_value'],
  },
  ...tokenMessageEndpoints,
} as const satisfies Record<string, Endpoint>;

/** The path of an endpoint in suite 2, where the name is encrypted with the other fields. */
export function pathWithoutName({ path }: Endpoint): string {
  return path.replace(/\/:[^/]*$/, '');
}

export type EndpointName = keyof typeof endpoints;
