// The table of all commands: names, one-line summaries, and how to load each definition.
import type { Command } from './command.ts';

export interface CommandEntry {
  /** The words after `vws`. */
  readonly name: string;
  readonly summary: string;
  /** Loads the definition. A command's imports must not slow down the others. */
  readonly load: () => Promise<{ readonly command: Command }>;
}

function entry(name: string, summary: string, load: CommandEntry['load']): CommandEntry {
  return { name, summary, load };
}

/** All commands, in the groups of `vws --help`. */
export const groups: Readonly<Record<string, readonly CommandEntry[]>> = {
  Account: [
    entry('register', 'create an account and log in', () => import('./commands/register.ts')),
    entry('login', 'log in', () => import('./commands/login.ts')),
    entry('whoami', 'show the current account and server', () => import('./commands/whoami.ts')),
    entry('passwd', 'change the password', () => import('./commands/passwd.ts')),
    entry('rename', 'change the username', () => import('./commands/rename.ts')),
    entry('recover', 'reset a forgotten password', () => import('./commands/recover.ts')),
    entry('account email', 'change the email address', () => import('./commands/account/email.ts')),
    entry('account notices', 'choose which logins are reported by mail', () => import('./commands/account/notices.ts')),
    entry('account delete', 'delete the account', () => import('./commands/account/delete.ts')),
    entry('logout', 'log out', () => import('./commands/logout.ts')),
  ],
  Messages: [
    entry('encrypt', 'encrypt a message for a user', () => import('./commands/encrypt.ts')),
    entry('decrypt', 'decrypt a message addressed to you', () => import('./commands/decrypt.ts')),
    entry('send', 'store an encrypted message and print its token', () => import('./commands/send.ts')),
    entry('inspect', 'show a token message without opening it', () => import('./commands/inspect.ts')),
    entry('open', 'open a token message', () => import('./commands/open.ts')),
    entry('sent', 'list the token messages you have sent', () => import('./commands/sent.ts')),
    entry('revoke', 'revoke a token message', () => import('./commands/revoke.ts')),
    entry('hide', 'preview: hide a message in a video', () => import('./commands/hide.ts')),
    entry('reveal', 'preview: find a message that is hidden in a video', () => import('./commands/reveal.ts')),
  ],
  Sessions: [
    entry('sessions', 'list the sessions of the account', () => import('./commands/sessions.ts')),
    entry('sessions end', 'end one session', () => import('./commands/endSession.ts')),
    entry(
      'sessions end-others',
      'end all sessions except the current one',
      () => import('./commands/endOtherSessions.ts'),
    ),
  ],
  Server: [
    entry('serve', 'run a server', () => import('./server/serve.ts')),
    entry('invite', 'print a code for one registration', () => import('./server/invite.ts')),
    entry('fingerprint', "show a server's fingerprint", () => import('./commands/fingerprint.ts')),
    entry('db copy', 'copy the database, for example from SQLite to PostgreSQL', () => import('./server/dbCopy.ts')),
  ],
};

export const entries = Object.values(groups).flat();

/** @returns the entry with the longest name that the arguments begin with */
export function findEntry(args: readonly string[]): CommandEntry | undefined {
  return entries
    .filter(({ name }) => name.split(' ').every((word, index) => args[index] === word))
    .sort((a, b) => b.name.length - a.name.length)[0];
}
