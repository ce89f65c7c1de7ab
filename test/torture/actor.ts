// An actor of the torture run, with the requests and checks that scenarios share.
import { randomBytes } from 'node:crypto';
import { newPerson } from '../support/people.ts';
import type { Suite1Client, Suite1Response } from '../support/suite1Client.ts';
import { type Account, type Message, newAccount, passwordOf } from './account.ts';
import type { NameRegistry } from './names.ts';
import type { Oracle } from './oracle.ts';
import type { Random } from './random.ts';
import type { RetryingClient } from './retryingClient.ts';
import type { SortedMails } from './sortedMails.ts';

/** Wrong passwords before the account is locked. */
export const MAX_WRONG_PASSWORDS = 5;

/** A user with one account at a time and two sessions. */
export interface Actor {
  readonly name: string;
  readonly random: Random;
  readonly client: RetryingClient;
  readonly oracle: Oracle;
  readonly names: NameRegistry;
  readonly sortedMails: SortedMails;
  /** All actors of this run. */
  readonly peers: () => readonly Actor[];
  /** Returns true when the run is stopping. */
  readonly stopping: () => boolean;
  /** True once the account is registered. */
  begun: boolean;
  account: Account;
  /** Session of most requests. */
  main: Suite1Client;
  /** A session that is rarely used. */
  spare: Suite1Client | undefined;
  /** Earlier accounts, which must still exist. */
  readonly retired: Account[];
  /** Messages from other actors that were not opened yet. */
  readonly inbox: { readonly account: Account; readonly message: Message }[];
}

/** The account is locked, as it should be. */
export class Locked extends Error {}

/** Outcome of a response: its error, or `done`. */
export function outcomeOf(answer: Suite1Response): string {
  return answer.error ?? 'done';
}

/**
 * Fails unless the outcome is one of those expected.
 *
 * @param guarantee the guarantee that any other outcome violates
 */
export function expectOutcome(actor: Actor, answer: Suite1Response, guarantee: string, ...expected: string[]): string {
  const outcome = outcomeOf(answer);
  actor.oracle.count('checks');
  if (!expected.includes(outcome))
    actor.client.reportViolation(guarantee, `expected ${expected.join(' or ')}, got ${outcome}`);
  return outcome;
}

/** Counts the attempts of one password: one, and another for each disturbance that may have restarted the request. */
export function countAttempts(account: Account): { onProgress: (disturbances: number) => void } {
  let last: number | undefined;
  return {
    onProgress(disturbances) {
      account.attempts += last === undefined ? 1 : disturbances - last;
      last = disturbances;
    },
  };
}

/** @throws Locked if the response reports a lock that is justified */
export function checkLock(actor: Actor, account: Account, answer: Suite1Response): void {
  if (answer.status !== 202) return;
  if (account.attempts <= MAX_WRONG_PASSWORDS) {
    actor.client.reportViolation(
      'fewer than five wrong passwords do not lock',
      `after at most ${account.attempts} attempts`,
    );
  }
  actor.oracle.count('locks');
  throw new Locked('the account is locked');
}

/** A new session that is logged in to an account whose password is known. */
export async function logIn(actor: Actor, account: Account): Promise<Suite1Client> {
  const session = await actor.client.handshake();
  const fields = { email: account.email, password: passwordOf(account) };
  const answer = await actor.client.requestUntilResponse(session, '/login_user', fields, countAttempts(account));
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
  const answer = await actor.client.requestUntilResponse(session, '/register_user', { ...person });
  expectOutcome(actor, answer, 'a registration is executed once', 'done');
  actor.oracle.count('registrations');
  actor.account = newAccount(person);
  actor.main = session;
  actor.spare = undefined;
}

/** Uses a later step, so that an abandoned request can no longer be executed. */
export async function abandonSession(actor: Actor, session: Suite1Client): Promise<void> {
  const unused = `/encrypt/${uniqueText()}`;
  for (const _ of [1, 2]) {
    const answer = await actor.client.requestUntilResponse(session, unused, { message: uniqueText() });
    expectOutcome(actor, answer, 'an unused name belongs to no user', 'User is not found', 'No authorization');
  }
}

export function uniqueText(): string {
  return `t-${randomBytes(8).toString('hex')}`;
}

/** Encrypts for a name. @returns the ciphertext; undefined if no user has the name */
export async function encryptFor(
  actor: Actor,
  session: Suite1Client,
  name: string,
  text: string,
): Promise<string | undefined> {
  const answer = await actor.client.requestUntilResponse(session, `/encrypt/${encodeURIComponent(name)}`, {
    message: text,
  });
  const guarantee = 'a logged-in session stays logged in and encrypts';
  if (expectOutcome(actor, answer, guarantee, 'done', 'User is not found') !== 'done') return undefined;
  actor.oracle.count('encrypted');
  return answer.message;
}

/** Decrypts for the user of a session. @returns the text; undefined if it is not for this user */
export async function decryptAs(actor: Actor, session: Suite1Client, ciphertext: string): Promise<string | undefined> {
  const answer = await actor.client.requestUntilResponse(session, '/decrypt', { message: ciphertext });
  if (outcomeOf(answer) !== 'done') return undefined;
  actor.oracle.count('decrypted');
  return answer.message;
}
