import type { Person } from '../support/people.ts';

/** A text that somebody encrypted for an account. */
export interface Message {
  readonly ciphertext: string;
  readonly text: string;
}

/** What is known of an account from the answers. Where an answer was given up, there is more than one possibility. */
export interface Account {
  readonly email: string;
  usernames: string[];
  passwords: string[];
  /** Was replaced, and is good no more. */
  formerPassword: string | undefined;
  readonly messages: Message[];
  /** Recovery mails that were acknowledged, and such whose request was given up. */
  readonly mails: { asked: number; maybe: number };
  /** Password checks since the last right one that may have been counted as wrong. */
  attempts: number;
  /** Changes whenever the name may. */
  nameEpoch: number;
}

export function newAccount({ username, email, password }: Person): Account {
  return {
    email,
    usernames: [username],
    passwords: [password],
    formerPassword: undefined,
    messages: [],
    mails: { asked: 0, maybe: 0 },
    attempts: 0,
    nameEpoch: 0,
  };
}

/** The name, when it is known. */
export function nameOf(account: Account): string {
  const [username, ...others] = account.usernames;
  if (username === undefined || others.length > 0) throw new Error('the name is not settled');
  return username;
}

/** The password, when it is known. */
export function passwordOf(account: Account): string {
  const [password, ...others] = account.passwords;
  if (password === undefined || others.length > 0) throw new Error('the password is not settled');
  return password;
}

const MAX_MESSAGES = 10;

export function keepMessage({ messages }: Account, message: Message): void {
  messages.push(message);
  if (messages.length > MAX_MESSAGES) messages.shift();
}
