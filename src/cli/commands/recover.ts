import { VwsError } from '../../client/error.ts';
import { CommandError, parseOptions, readArguments, type Shell, UsageError } from '../command.ts';
import { type CommonOptions, commonOptions, commonOptionsHelp, readCommonOptions, tell } from '../commonOptions.ts';
import { askNewPassword, askUntilAccepted } from '../newPassword.ts';
import { inAnySession, inSession } from '../session/open.ts';
import { ensurePin } from '../session/pin.ts';

export const help = `Usage: vws recover [options]

Sets a new password by means of a code that is mailed to you, and ends your other sessions. In three steps: the
address, the code, the new password. Then log in with: vws login

  --email <address>    of the account; asked for without it
  --send               only have the code mailed
  --code               go on after --send or a conversation that was broken off: with the code that was mailed last, or,
                       within 10 minutes after it was accepted, with the new password
${commonOptionsHelp}

Nobody learns whether there is an account with the address: without one, no mail comes. Code and password are asked for.
Where the standard input is no terminal, each answer is a line of it, in this order: e-mail address (unless --email is
there), code, new password. A code that was accepted already is read and not looked at.

Examples:
  vws recover
  vws recover --send --email bob@example.org
  printf '%s\\n' "$CODE" "$NEW" | vws recover --code --json     {"ok":true}`;

/** How long servers let somebody whose code they accepted set the password, in milliseconds. */
const CONFIRMED_LIFETIME = 10 * 60 * 1000;

export async function run(args: readonly string[], shell: Shell): Promise<void> {
  const { values, positionals } = parseOptions({
    args,
    options: { ...commonOptions, email: { type: 'string' }, send: { type: 'boolean' }, code: { type: 'boolean' } },
    allowPositionals: true,
  });
  readArguments(positionals);
  if (values.code && (values.send || values.email !== undefined)) {
    throw new UsageError('--code goes on with what was begun: neither --send nor --email can be beside it.');
  }
  const options = readCommonOptions(values, shell);
  if (!values.code) await sendCode(options, shell, values.email);
  else if (options.kept.session(options.suite).load() === undefined) throw noRecovery();
  if (values.send) return tell(shell, options, { ok: true }, () => shell.note('Go on with: vws recover --code'));
  if (shell.isTerminal) await converse(options, shell);
  else await readBoth(options, shell);
  tell(shell, options, { ok: true }, () => shell.note('The password is changed. Log in with: vws login'));
}

async function sendCode(options: CommonOptions, shell: Shell, given: string | undefined): Promise<void> {
  if (options.suite === 2) await ensurePin(options, shell);
  const email = given ?? (await shell.ask('E-mail address'));
  await inAnySession(options, shell, (vws) => {
    options.kept.confirmedAt(options.suite).clear();
    return vws.requestPasswordReset(email);
  });
  shell.note(`If there is an account with this address, a code is on its way to it.`);
}

async function converse(options: CommonOptions, shell: Shell): Promise<void> {
  const confirm = (code: string) => confirmCode(options, shell, code);
  if (isConfirmed(options)) shell.note('The code was accepted already.');
  else await askUntilAccepted(shell, ['invalid_code'], () => askCode(shell), confirm);
  await noting(shell, () =>
    askUntilAccepted(
      shell,
      ['password_refused'],
      () => askNewPassword(shell, 'New password'),
      (newPassword) => setPassword(options, shell, newPassword),
    ),
  );
}

/** In a script: a code counts once, so that it is not used before there is a password, too. */
async function readBoth(options: CommonOptions, shell: Shell): Promise<void> {
  const code = await askCode(shell);
  const newPassword = await shell.askSecret('New password');
  if (newPassword === '') throw new UsageError('The new password is empty. The code was not used.');
  if (!isConfirmed(options)) await confirmCode(options, shell, code);
  await noting(shell, () => setPassword(options, shell, newPassword));
}

async function askCode(shell: Shell): Promise<string> {
  try {
    return await shell.ask('Code');
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError('There was no code. Go on, as soon as you have it, with: vws recover --code');
  }
}

function isConfirmed({ kept, suite }: CommonOptions): boolean {
  const age = Date.now() - (kept.confirmedAt(suite).load() ?? 0);
  return age >= 0 && age < CONFIRMED_LIFETIME;
}

async function confirmCode(options: CommonOptions, shell: Shell, code: string): Promise<void> {
  await continueRecovery(options, shell, async (vws) => {
    await vws.verifyResetCode(code.trim());
    options.kept.confirmedAt(options.suite).save(Date.now());
  });
}

async function setPassword(options: CommonOptions, shell: Shell, newPassword: string): Promise<void> {
  await continueRecovery(options, shell, async (vws) => {
    await vws.resetPassword(newPassword);
    options.kept.confirmedAt(options.suite).clear();
  });
}

/** Says how to go on when the code is used and the password not set. */
async function noting(shell: Shell, task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    const isOver = error instanceof CommandError && error.code === 'no_recovery';
    if (!isOver) shell.note('The code was accepted. For 10 minutes you can go on with: vws recover --code');
    throw error;
  }
}

/** A recovery belongs to the session that it was begun in. */
async function continueRecovery(...[options, shell, task]: Parameters<typeof inSession<void>>): Promise<void> {
  try {
    await inSession(options, shell, task);
  } catch (error) {
    const isNone = error instanceof CommandError && error.code === 'not_logged_in';
    const isOver = error instanceof VwsError && (error.sessionLost || error.code === 'no_recovery');
    if (!isNone && !isOver) throw error;
    await options.kept.withLock(async () => options.kept.confirmedAt(options.suite).clear());
    throw noRecovery();
  }
}

function noRecovery(): CommandError {
  return new CommandError('No recovery is under way here, or not any more.', 'no_recovery');
}
