import type { Command } from './command.ts';

export interface Entry {
  /** As it is typed after `vws`. */
  readonly name: string;
  /** What follows the name. */
  readonly usage: string;
  readonly summary: string;
  /** Only the command that is run is loaded, so that no other one's libraries delay it. */
  readonly load: () => Promise<Command>;
}

function entry(name: string, usage: string, summary: string, load: Entry['load']): Entry {
  return { name, usage, summary, load };
}

/** Every command, in the groups of the overview. */
export const groups: Readonly<Record<string, readonly Entry[]>> = {
  Account: [
    entry('register', '', 'make an account and log in to it', () => import('./commands/register.ts')),
    entry('login', '', 'log in', () => import('./commands/login.ts')),
    entry('whoami', '', 'which account, and where', () => import('./commands/whoami.ts')),
    entry('passwd', '', 'set a new password', () => import('./commands/passwd.ts')),
    entry('rename', '<name>', 'give the account a new name', () => import('./commands/rename.ts')),
    entry('recover', '', 'set a new password by a mailed code', () => import('./commands/recover.ts')),
    entry('logout', '', 'log out', () => import('./commands/logout.ts')),
  ],
  Messages: [
    entry('encrypt', '<name>', 'encrypt a text for a user', () => import('./commands/encrypt.ts')),
    entry('decrypt', '[file]', 'open a message for you', () => import('./commands/decrypt.ts')),
  ],
  Sessions: [
    entry('sessions', '', 'list those of the account', () => import('./commands/sessions.ts')),
    entry('sessions end', '<id>', 'end one', () => import('./commands/endSession.ts')),
    entry('sessions end-others', '', 'end all but this one', () => import('./commands/endOtherSessions.ts')),
  ],
  Server: [
    entry('serve', '', 'run a server', () => import('./server/serve.ts')),
    entry('fingerprint', '[url]', 'what a server is known by', () => import('./commands/fingerprint.ts')),
    entry(
      'db copy',
      '',
      "copy a server's database into an empty one, also from SQLite to PostgreSQL and back",
      () => import('./server/dbCopy.ts'),
    ),
  ],
};

export const entries = Object.values(groups).flat();

/** The command that the arguments begin with, the one with the longest name if there are several. */
export function findEntry(args: readonly string[]): Entry | undefined {
  return entries
    .filter(({ name }) => name.split(' ').every((word, index) => args[index] === word))
    .sort((a, b) => b.name.length - a.name.length)[0];
}
