// What an actor knows about an account.
import type { Person } from '../support/people.ts';

/** A ciphertext for an account and its text. */
export interface Message {
  readonly ciphertext: string;
  readonly text: string;
}

/** Facts about an account that follow from responses. After an abandoned request there are several possibilities. */
export interface Account {
  readonly email: string;
  usernames: string[];
  passwords: string[];
  /** The replaced password, which must be refused. */
  formerPassword: string | undefined;
  readonly messages: Message[];
  /** Recovery emails that were acknowledged, and those whose request was abandoned. */
  readonly mails: { asked: number; maybe: number };
  /** Password checks since the last right one that may have been counted as wrong. */
  attempts: number;
  /** Odd while the name may be changing. */
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

/** The name, which must be settled. */
export function nameOf(account: Account): string {
  const [username, ...others] = account.usernames;
  if (username === undefined || others.length > 0) throw new Error('the name is not settled');
  return username;
}

/** The password, which must be settled. */
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
