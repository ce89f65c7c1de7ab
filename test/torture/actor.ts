import { randomBytes } from 'node:crypto';
import { newPerson } from '../support/people.ts';
import type { Answer, Suite1Client } from '../support/suite1Client.ts';
import { type Account, type Message, newAccount, passwordOf } from './account.ts';
import type { NameRegistry } from './names.ts';
import type { Oracle } from './oracle.ts';
import type { Random } from './random.ts';
import type { RetryingClient } from './retryingClient.ts';
import type { SortedMails } from './sortedMails.ts';

/** Wrong passwords before the account is locked. */
export const MAX_WRONG_PASSWORDS = 5;

/** A person at a session: one account at a time, with two sessions. */
export interface Actor {
  readonly name: string;
  readonly random: Random;
  readonly client: RetryingClient;
  readonly oracle: Oracle;
  readonly names: NameRegistry;
  readonly sortedMails: SortedMails;
  /** All actors of the run. */
  readonly peers: () => readonly Actor[];
  /** Whether the run is coming to its end. */
  readonly stopping: () => boolean;
  /** Whether the account is there. */
  begun: boolean;
  account: Account;
  /** The session that most requests are made in. */
  main: Suite1Client;
  /** A session that lies about for long. */
  spare: Suite1Client | undefined;
  /** Accounts that are not used any more and must be there all the same. */
  readonly retired: Account[];
  /** Letters from others that were not looked at yet. */
  readonly inbox: { readonly account: Account; readonly message: Message }[];
}

/** The account is locked, and rightly so. */
export class Locked extends Error {}

/** An answer's outcome in one word for comparisons: its error, or `done`. */
export function outcomeOf(answer: Answer): string {
  return answer.error ?? 'done';
}

/**
 * Fails unless the outcome is one of those expected.
 *
 * @param promise what is broken by another one
 */
export function expectOutcome(actor: Actor, answer: Answer, promise: string, ...expected: string[]): string {
  const outcome = outcomeOf(answer);
  actor.oracle.count('checks');
  if (!expected.includes(outcome)) actor.client.broken(promise, `expected ${expected.join(' or ')}, got ${outcome}`);
  return outcome;
}

/** Counts the attempts that a password makes: one, and one more for whatever may have made a server begin anew. */
export function countAttempts(account: Account): { onProgress: (disturbances: number) => void } {
  let last: number | undefined;
  return {
    onProgress(disturbances) {
      account.attempts += last === undefined ? 1 : disturbances - last;
      last = disturbances;
    },
  };
}

/** @throws Locked if the answer says so and may */
export function checkLock(actor: Actor, account: Account, answer: Answer): void {
  if (answer.status !== 202) return;
  if (account.attempts <= MAX_WRONG_PASSWORDS) {
    actor.client.broken('five wrong passwords lock, fewer do not', `after at most ${account.attempts} attempts`);
  }
  actor.oracle.count('locks');
  throw new Locked('the account is locked');
}

/** A new session that is logged in to an account whose password is known. */
export async function logIn(actor: Actor, account: Account): Promise<Suite1Client> {
  const session = await actor.client.handshake();
  const fields = { email: account.email, password: passwordOf(account) };
  const answer = await actor.client.insist(session, '/login_user', fields, countAttempts(account));
  checkLock(actor, account, answer);
  expectOutcome(actor, answer, 'an acknowledged account and password log in', 'done');
  account.attempts = 0;
  actor.oracle.count('logins');
  return session;
}

/** Registers a new account; the actor's main session is then logged in to it. */
export async function begin(actor: Actor): Promise<void> {
  const person = newPerson();
  const session = await actor.client.handshake();
  const answer = await actor.client.insist(session, '/register_user', { ...person });
  expectOutcome(actor, answer, 'a registration is executed once', 'done');
  actor.oracle.count('registrations');
  actor.account = newAccount(person);
  actor.main = session;
  actor.spare = undefined;
}

/** Makes sure that no request that was given up can be executed any more: the session proves to hold a later step. */
export async function leaveBehind(actor: Actor, session: Suite1Client): Promise<void> {
  const nobody = `/encrypt/${uniqueText()}`;
  for (const _ of [1, 2]) {
    const answer = await actor.client.insist(session, nobody, { message: uniqueText() });
    expectOutcome(actor, answer, 'nobody has a name that was never given', 'User is not found', 'No authorization');
  }
}

export function uniqueText(): string {
  return `t-${randomBytes(8).toString('hex')}`;
}

/** Encrypts for a name. @returns the ciphertext, or nothing if nobody has the name */
export async function encryptFor(
  actor: Actor,
  session: Suite1Client,
  name: string,
  text: string,
): Promise<string | undefined> {
  const answer = await actor.client.insist(session, `/encrypt/${encodeURIComponent(name)}`, { message: text });
  const promise = 'a logged-in session stays logged in and encrypts';
  if (expectOutcome(actor, answer, promise, 'done', 'User is not found') !== 'done') return undefined;
  actor.oracle.count('encrypted');
  return answer.message;
}

/** Decrypts for the user of a session. @returns the text, or nothing if it is not for this user */
export async function decryptAs(actor: Actor, session: Suite1Client, ciphertext: string): Promise<string | undefined> {
  const answer = await actor.client.insist(session, '/decrypt', { message: ciphertext });
  if (outcomeOf(answer) !== 'done') return undefined;
  actor.oracle.count('decrypted');
  return answer.message;
}
