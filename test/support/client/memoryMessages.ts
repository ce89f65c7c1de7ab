// Token messages of the in-memory server.
import type { Json } from './memorySuite2.ts';

interface StoredMessage {
  readonly id: string;
  readonly sender: string;
  readonly recipient: string;
  readonly request: Json;
  state: string;
  opens: number;
  expiresAt: number;
}

type Answer = { status: number; json: Json };

const SENT_AT = 1_790_000_000_000;

/** The rules of a server as far as a client can notice them. */
export function createMessages(problem: (status: number, code: string) => Answer) {
  const messages: StoredMessage[] = [];
  const done = (json: Json = {}): Answer => ({ status: 200, json });
  const expiry = (seconds: unknown) => SENT_AT + Number(seconds || 604_800) * 1000;

  function send(sender: string, request: Json): Answer {
    const recipient = String(request.username);
    const id = messages.length.toString(16).padStart(32, '0');
    const message = {
      id,
      sender,
      recipient,
      request,
      state: 'active',
      opens: 0,
      expiresAt: expiry(request.expires_in),
    };
    messages.push(message);
    return done({ message_id: id, expires_at: message.expiresAt, recipient_id: `id of ${recipient}` });
  }

  function describe({ sender, request, opens, expiresAt, state }: StoredMessage): Json {
    const max = Number(request.max_opens) || null;
    const limits = {
      sent_at: SENT_AT,
      expires_at: expiresAt,
      opens,
      max_opens: max,
      last_opened_at: opens ? SENT_AT : null,
    };
    const from = { sender, sender_now: sender, sender_id: `id of ${sender}` };
    return { ...from, ...limits, state, receipt: request.receipt === 'yes', size: String(request.body).length };
  }

  function receive(path: string, reader: string, locator: unknown): Answer {
    const message = messages.find(({ request, recipient }) => request.locator === locator && recipient === reader);
    if (!message) return problem(404, 'message_not_found');
    if (path === '/finish_message') message.state = 'finished';
    if (path !== '/open_message') return done(describe(message));
    if (message.state !== 'active') return problem(410, `message_${message.state}`);
    message.opens += 1;
    if (message.opens === Number(message.request.max_opens)) message.state = 'used_up';
    return done({ ...describe(message), body: message.request.body });
  }

  function manage(path: string, sender: string, { message_id: id, expires_in: seconds }: Json): Answer {
    const message = messages.find((candidate) => candidate.id === id && candidate.sender === sender);
    if (!message) return problem(404, 'message_not_found');
    if (path === '/extend_message') {
      message.expiresAt = expiry(seconds);
      return done({ expires_at: message.expiresAt });
    }
    if (message.state === 'active') message.state = 'revoked';
    return done({ state: message.state, opens: message.opens });
  }

  function list(sender: string): Answer {
    const sent = messages.filter((message) => message.sender === sender);
    const rows = sent.map((message) => ({
      ...describe(message),
      message_id: message.id,
      recipient: message.recipient,
      created_at: SENT_AT,
      ended_at: message.state === 'active' ? null : SENT_AT,
      foreign_attempts: 0,
      last_foreign_attempt_at: null,
      first_opened_at: null,
    }));
    return done({ messages: rows, next: null });
  }

  return {
    messages,
    /** @returns undefined for other endpoints */
    execute(user: string, path: string, fields: Json): Answer | undefined {
      if (path === '/send_message') return send(user, fields);
      if (path === '/list_sent_messages') return list(user);
      if (path === '/revoke_message' || path === '/extend_message') return manage(path, user, fields);
      return path.endsWith('_message') ? receive(path, user, fields.locator) : undefined;
    },
  };
}
