// Scenario: opens of token messages, in several sessions at once, over lost responses, crashes and processes.
import { randomBytes } from 'node:crypto';
import {
  beginHandshake,
  checkIntroduction,
  type Introduction,
  openResponse2,
  prepare2,
  type Step,
} from '../../support/suite2Client.ts';
import { decryptBody, locatorOf, sendFields } from '../../support/tokenMessages.ts';
import { nameOf, passwordOf } from '../account.ts';
import { type Actor, countAttempts, Locked, MAX_WRONG_PASSWORDS, uniqueText } from '../actor.ts';
import type { RequestOptions } from '../retryingClient.ts';

const SESSIONS = 3;
const MAX_OPENS = 4;
const REQUESTS_PER_SESSION = 2;
/** Bodies of 256 bytes, of 4 KiB and 8 KiB, on both sides of the limit for stored responses, and of 64 KiB. */
const TEXT_LENGTHS = [20, 4_000, 8_000, 40_000];

interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

/** A session of suite 2 that repeats each request until it is answered. */
class RetryingSession {
  readonly #actor: Actor;
  #step: Step;

  constructor(actor: Actor, step: Step) {
    this.#actor = actor;
    this.#step = step;
  }

  static async open(actor: Actor): Promise<RetryingSession> {
    const ask = async (body: object) => {
      const { status, text } = await actor.client.deliver({ path: '/create_session_key', body: JSON.stringify(body) });
      if (status !== 200) actor.client.reportViolation('a handshake of suite 2 succeeds', `${status} ${text}`);
      return JSON.parse(text) as unknown;
    };
    const { kid, serverKey } = checkIntroduction((await ask({ suite: 2 })) as Introduction);
    const pending = beginHandshake(kid, serverKey);
    return new RetryingSession(actor, pending.finish(await ask(pending.body)));
  }

  async call(path: string, fields: object, options?: RequestOptions): Promise<Answer> {
    const request = prepare2(this.#step, path, fields);
    const http = await this.#actor.client.deliver(request, options);
    try {
      const { status, json, next } = openResponse2(request, http);
      this.#step = next;
      return { status, json };
    } catch {
      const seen = `POST ${path}: ${http.status} ${http.text.slice(0, 300)}`;
      return this.#actor.client.reportViolation('a response of suite 2 is authentic', seen);
    }
  }

  /** Makes a request that must succeed. */
  async expect(path: string, fields: object): Promise<Record<string, unknown>> {
    const { status, json } = await this.call(path, fields);
    if (status !== 200) this.#actor.client.reportViolation(`${path} succeeds`, `${status} ${JSON.stringify(json)}`);
    return json;
  }
}

async function logIn(actor: Actor): Promise<RetryingSession> {
  const { account } = actor;
  const session = await RetryingSession.open(actor);
  const fields = { email: account.email, password: passwordOf(account) };
  const { status, json } = await session.call('/login_user', fields, countAttempts(account));
  if (status === 423 && account.attempts > MAX_WRONG_PASSWORDS) throw new Locked('the account is locked');
  if (status !== 200) actor.client.reportViolation('an acknowledged account and password log in', `${json.code}`);
  account.attempts = 0;
  return session;
}

/**
 * Sends a message to the actor itself and opens it in several sessions at once. The number of requests that were answered
 * with the text, of the counted opens, and of those that the limit leaves, must agree.
 */
export async function raceOpens(actor: Actor): Promise<void> {
  const { random, client, oracle } = actor;
  const sessions: RetryingSession[] = [];
  for (let n = 0; n < SESSIONS; n += 1) sessions.push(await logIn(actor));
  const [first = await logIn(actor)] = sessions;
  const text = uniqueText().padEnd(random.pick(TEXT_LENGTHS), 'x');
  const token = randomBytes(16);
  const maxOpens = random.integer(1, MAX_OPENS);
  const fields = sendFields(token, nameOf(actor.account), text, { max_opens: String(maxOpens) });
  const { message_id } = await first.expect('/send_message', fields);
  const locator = { locator: locatorOf(token).toString('base64url') };

  const answers: Answer[] = [];
  await Promise.all(
    sessions.map(async (session) => {
      for (let n = 0; n < REQUESTS_PER_SESSION; n += 1) answers.push(await session.call('/open_message', locator));
    }),
  );
  const opened = answers.filter(({ status }) => status === 200);
  oracle.count('opens', opened.length);
  oracle.count('checks');
  const expected = Math.min(maxOpens, answers.length);
  const seen = `${opened.length} of ${answers.length} requests got the text, ${maxOpens} opens were allowed`;
  if (opened.length > expected) client.reportViolation('a message is not opened more often than allowed', seen);
  if (opened.length < expected) client.reportViolation('no open is refused while opens are left', seen);
  for (const { json } of opened) {
    if (decryptBody(token, Buffer.from(String(json.body), 'base64url')) !== text) {
      client.reportViolation('every open returns the text', `${text.length} characters`);
    }
  }
  for (const { status, json } of answers) {
    if (status !== 200 && json.code !== 'message_used_up') {
      client.reportViolation('an open beyond the limit reports that', JSON.stringify(json));
    }
  }
  const { opens, state } = await first.expect('/revoke_message', { message_id });
  if (opens !== opened.length)
    client.reportViolation('each executed open is counted once', `${opens} counted; ${seen}`);
  if (state !== (opened.length === maxOpens ? 'used_up' : 'revoked')) {
    client.reportViolation('a message ends as the opens say', `${state}; ${seen}`);
  }
  for (const session of sessions) await session.expect('/log_out', {});
}
