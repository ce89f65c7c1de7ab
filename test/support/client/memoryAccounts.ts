// Accounts and messages of the in-memory server.
import { createMessages } from './memoryMessages.ts';
import type { Json } from './memorySuite2.ts';

export interface Account {
  username: string;
  email: string;
  password: string;
}

/** The rules of a server as far as a client can notice them. */
export function createAccounts() {
  const accounts: Account[] = [];
  const find = (name: keyof Account, value: unknown) => accounts.find((account) => account[name] === value);
  const problem = (status: number, code: string, detail?: string) => ({
    status,
    json: {
      type: `/problems#${code}`,
      title: `The title of ${code}.`,
      status,
      code,
      ...(detail && { detail }),
    } as Json,
  });
  const done = (json: Json = {}) => ({ status: 200, json });
  const { messages, execute: executeForMessages } = createMessages(problem);

  return {
    accounts,
    messages,
    /** @param session stores the logged-in user */
    execute(session: { user?: Account | undefined }, path: string, fields: Json): { status: number; json: Json } {
      const text = (name: string) => String(fields[name]);
      const { user } = session;
      if (path === '/register_user') {
        if (find('username', fields.username)) return problem(409, 'username_taken');
        session.user = { username: text('username'), email: text('email'), password: text('password') };
        accounts.push(session.user);
        return done();
      }
      if (path === '/login_user') {
        const account = find('email', fields.email);
        if (account?.password !== fields.password)
          return problem(403, 'invalid_credentials', 'Four attempts are left.');
        session.user = account;
        return done();
      }
      if (path.includes('forgot')) return done();
      if (!user) return problem(401, 'not_authenticated');
      const answer = executeForMessages(user.username, path, fields);
      if (answer) return answer;
      if (path === '/log_out') session.user = undefined;
      if (path === '/encrypt') {
        if (!find('username', fields.username)) return problem(404, 'user_not_found');
        const message = { to: fields.username, from: user.username, text: fields.message, at: 1_790_000_000_000 };
        const envelope = Buffer.from(JSON.stringify(message)).toString('base64url');
        return done({ message: envelope, recipient_id: `id of ${String(fields.username)}` });
      }
      if (path === '/decrypt') {
        const message = JSON.parse(Buffer.from(text('message'), 'base64url').toString() || '{}') as Json;
        if (message.to !== user.username) return problem(422, 'undecryptable_message');
        const sender = { sender: message.from, sender_now: message.from, sender_id: `id of ${String(message.from)}` };
        return done({ message: message.text, ...sender, sent_at: message.at });
      }
      if (path === '/account') return done({ username: user.username, email: user.email });
      if (path === '/confirm_registration') return done({ email: user.email });
      if (path === '/confirm_change_email') return done({ email: user.email, former_email: user.email });
      if (path === '/change_username') user.username = text('new_username');
      if (path === '/change_password') user.password = text('new_password');
      if (path === '/list_sessions') {
        return done({
          sessions: [{ id: 's1', suite: 2, started_at: 1000, last_used_at: 2000, current: true, label: 'here' }],
        });
      }
      return done();
    },
  };
}
