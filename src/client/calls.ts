import { VwsError } from './error.ts';
import type { CallOptions } from './options.ts';
import type { Session } from './session.ts';
import type { Call } from './suite.ts';
import type { SessionInfo, Vws } from './vws.ts';

type Answer = Readonly<Record<string, unknown>>;

/** Puts the calls into the words of the wire, and the answers into those of the SDK. */
export function createVws(about: Pick<Vws, 'url' | 'suite'>, session: Session): Vws {
  const ask = (path: Call['path'], fields: Call['fields'], options?: CallOptions) =>
    session.call({ path, fields }, options);
  const run = async (...call: Parameters<typeof ask>): Promise<void> => {
    await ask(...call);
  };

  return {
    ...about,
    fingerprint: session.fingerprint,

    register: ({ username, email, password }, options) => run('/register_user', { username, email, password }, options),
    login: ({ email, password }, options) => run('/login_user', { email, password }, options),
    logOut: (options) => run('/log_out', {}, options),

    encrypt: async (username, message, options) =>
      text(await ask('/encrypt/:username', { username, message }, options), 'message'),
    async decrypt(message, options) {
      const answer = await ask('/decrypt', { message }, options);
      return {
        text: text(answer, 'message'),
        sender: typeof answer.sender === 'string' ? answer.sender : null,
        sentAt: typeof answer.sent_at === 'number' ? new Date(answer.sent_at) : null,
      };
    },

    async getAccount(options) {
      const answer = await ask('/account', {}, options);
      return { username: text(answer, 'username'), email: text(answer, 'email') };
    },
    changeUsername: ({ newUsername, password }, options) =>
      run('/change_username', { new_username: newUsername, password }, options),
    changePassword: ({ password, newPassword }, options) =>
      run('/change_password', { password, new_password: newPassword }, options),

    requestPasswordReset: (email, options) => run('/forgot_password', { email }, options),
    verifyResetCode: (code, options) => run('/confirm_forgot_password', { code }, options),
    resetPassword: (newPassword, options) => run('/final_forgot_password', { new_password: newPassword }, options),

    listSessions: async (options) => list((await ask('/list_sessions', {}, options)).sessions),
    endSession: (id, options) => run('/end_session', { session: id }, options),
    endOtherSessions: (options) => run('/end_other_sessions', {}, options),
  };
}

function text(answer: Answer, name: string): string {
  const value = answer[name];
  if (typeof value !== 'string') throw new VwsError('bad_answer', `The server’s answer has no ${name}.`);
  return value;
}

function list(sessions: unknown): SessionInfo[] {
  if (!Array.isArray(sessions)) throw new VwsError('bad_answer', 'The server’s answer has no sessions.');
  return sessions.map((session: Answer) => ({
    id: text(session, 'id'),
    suite: Number(session.suite),
    startedAt: typeof session.started_at === 'number' ? new Date(session.started_at) : null,
    lastUsedAt: new Date(Number(session.last_used_at)),
    current: session.current === true,
  }));
}
