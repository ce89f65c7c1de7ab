import type { ProblemCode } from './problems.ts';

/** One sealed endpoint as it stands on the wire, the same in every suite. */
export interface Endpoint {
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  /** Whether the session must be logged in. */
  readonly access: 'public' | 'login';
  /** Sealed fields of the request, each with its meaning. */
  readonly fields: Readonly<Record<string, string>>;
  /** A field that suite 1 sends in clear as the last segment of the path. */
  readonly pathField?: string;
  /** Fields of a successful answer beside the keys, each with its meaning. */
  readonly answer: Readonly<Record<string, string>>;
  /** Fields that suite 2 has besides. */
  readonly suite2Answer?: Readonly<Record<string, string>>;
  /** Executed again, it changes nothing: a lost answer may be made anew instead of being stored. */
  readonly repeatable: boolean;
  /** The problems that this endpoint's own rules can answer with. */
  readonly problems: readonly ProblemCode[];
}

const credentials = ['invalid_credentials', 'account_locked'] as const satisfies ProblemCode[];

export const HANDSHAKE_PATH = '/create_session_key';

/**
 * The endpoints that speak inside a session: the nine that existing clients know, which with the handshake are ten, and
 * those that came after them.
 */
export const endpoints = {
  registerUser: {
    path: '/register_user',
    summary: 'Register new user',
    description: 'Makes an account. The session is then logged in as the new user.',
    access: 'public',
    fields: {
      username: 'The name others encrypt for: 1 to 64 characters, compared without regard to case.',
      email: 'The address that recovery codes are mailed to.',
      password: 'The password: 8 or more of all four kinds, or a passphrase of 12 or more (see the rules).',
    },
    answer: {},
    repeatable: false,
    problems: ['invalid_username', 'invalid_email', 'password_refused', 'username_taken', 'email_taken'],
  },
  loginUser: {
    path: '/login_user',
    summary: 'Login in account',
    description: 'Logs the session in. An unknown e-mail address and a wrong password are answered alike.',
    access: 'public',
    fields: { email: 'The address of the account.', password: 'The password of the account.' },
    answer: {},
    repeatable: false,
    problems: ['invalid_email', ...credentials],
  },
  encrypt: {
    path: '/encrypt/:username',
    summary: 'Encrypt message for user',
    description: 'KeyedMutex a text into a ciphertext that one user alone can have opened again.',
    access: 'login',
    fields: { message: 'The text: any Unicode, the empty text too, up to 1 MiB of UTF-8 by default.' },
    pathField: 'username',
    answer: { message: 'The ciphertext: one line of A-Z a-z 0-9 - _' },
    repeatable: true,
    problems: ['not_authenticated', 'user_not_found', 'message_too_large'],
  },
  decrypt: {
    path: '/decrypt',
    summary: 'Decrypt message',
    description: 'Opens a ciphertext that was made for the user of this session.',
    access: 'login',
    fields: { message: 'The ciphertext.' },
    answer: { message: 'The text.' },
    suite2Answer: {
      sender: 'The name of the user who had it encrypted, as it is now; null if there is no such user any more.',
      sent_at: 'When it was encrypted, in milliseconds since 1970.',
    },
    repeatable: true,
    problems: ['not_authenticated', 'undecryptable_message'],
  },
  changeUsername: {
    path: '/change_username',
    summary: 'Change username',
    description: 'Gives the account a new name. Messages made for the old name can still be opened.',
    access: 'login',
    fields: { new_username: 'The new name.', password: 'The password of the account.' },
    answer: {},
    repeatable: false,
    problems: ['not_authenticated', 'invalid_username', 'password_refused', ...credentials, 'username_taken'],
  },
  changePassword: {
    path: '/change_password',
    summary: 'Change password',
    description: 'Sets a new password and ends every other session of the user.',
    access: 'login',
    fields: { password: 'The password as it is now.', new_password: 'The password as it shall be.' },
    answer: {},
    repeatable: false,
    problems: ['not_authenticated', 'password_refused', ...credentials],
  },
  forgotPassword: {
    path: '/forgot_password',
    summary: 'Recovery account (step 1)',
    description: 'Mails a recovery code, if there is an account with this address. The answer does not tell.',
    access: 'public',
    fields: { email: 'The address of the account.' },
    answer: {},
    repeatable: false,
    problems: [],
  },
  confirmForgotPassword: {
    path: '/confirm_forgot_password',
    summary: 'Recovery account (step 2)',
    description: 'Proves that the mail arrived: the session may then set a new password, once.',
    access: 'public',
    fields: { code: 'The code from the mail, compared without regard to case.' },
    answer: {},
    repeatable: false,
    problems: ['no_recovery', 'invalid_code'],
  },
  finalForgotPassword: {
    path: '/final_forgot_password',
    summary: 'Recovery account (step 3)',
    description: 'Sets the new password and ends every other session of the user. It does not log this one in.',
    access: 'public',
    fields: { new_password: 'The new password.' },
    answer: {},
    repeatable: false,
    problems: ['no_recovery', 'password_refused'],
  },
  account: {
    path: '/account',
    summary: 'Show account',
    description: 'Tells whose account the session is logged in to.',
    access: 'login',
    fields: {},
    answer: { username: 'The name of the account.', email: 'The address of the account.' },
    repeatable: true,
    problems: ['not_authenticated'],
  },
  listSessions: {
    path: '/list_sessions',
    summary: 'List sessions',
    description: 'Lists the sessions that are logged in to the account, the one used last first.',
    access: 'login',
    fields: {},
    answer: {
      sessions:
        'A list (in suite 1: its JSON) of objects with id, suite, started_at, last_used_at (milliseconds since 1970) and current.',
    },
    repeatable: true,
    problems: ['not_authenticated'],
  },
  endSession: {
    path: '/end_session',
    summary: 'End session',
    description: 'Ends one of the other sessions of the account. The session itself is ended by logging out.',
    access: 'login',
    fields: { session: 'The id of the session, as listed.' },
    answer: {},
    repeatable: false,
    problems: ['not_authenticated', 'no_such_session'],
  },
  endOtherSessions: {
    path: '/end_other_sessions',
    summary: 'End all other sessions',
    description: 'Ends every session of the account but this one.',
    access: 'login',
    fields: {},
    answer: {},
    repeatable: false,
    problems: ['not_authenticated'],
  },
  logOut: {
    path: '/log_out',
    summary: 'Log out',
    description: 'Logs the session out, for every key that it ever had. It can be used to log in again.',
    access: 'login',
    fields: {},
    answer: {},
    repeatable: false,
    problems: ['not_authenticated'],
  },
} as const satisfies Record<string, Endpoint>;

/** The path of an endpoint where the name is sealed with the other fields, as suite 2 has it. */
export function pathWithoutName({ path }: Endpoint): string {
  return path.replace(/\/:[^/]*$/, '');
}

export type EndpointName = keyof typeof endpoints;
