import { VwsError } from '../../client/error.ts';
import { CommandError, parseOptions, readArguments, type Shell, UsageError } from '../command.ts';
import { type CommonOptions, commonOptions, commonOptionsHelp, readCommonOptions, tell } from '../commonOptions.ts';
import { ensurePin } from '../identity.ts';
import { askNewPassword, askUntilAccepted } from '../newPassword.ts';
import { inAnySession, inSession } from '../session.ts';

export const help = `Usage: vws recover [options]

Sets a new password by means of a code that is mailed to you, and ends your other sessions. In three steps: the
address, the code, the new password. Then log in with: vws login

  --email <address>    of the account; asked for without it
  --send               only have the code mailed
  --code               go on with the code that was mailed last, after --send or a conversation that was broken off
${commonOptionsHelp}

Nobody learns whether there is an account with the address: without one, no mail comes. Code and password are asked for.
Where the standard input is no terminal, each answer is a line of it, in this order: e-mail address (unless --email is
there), code, new password.

Examples:
  vws recover
  vws recover --send --email bob@example.org
  printf '%s\\n' "$CODE" "$NEW" | vws recover --code --json     {"ok":true}`;

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
  if (values.send) return tell(shell, options, { ok: true }, () => shell.note('Go on with: vws recover --code'));
  await enterCode(options, shell);
  await setPassword(options, shell);
  tell(shell, options, { ok: true }, () => shell.note('The password is changed. Log in with: vws login'));
}

async function sendCode(options: CommonOptions, shell: Shell, given: string | undefined): Promise<void> {
  if (options.suite === 2) await ensurePin(options, shell);
  const email = given ?? (await shell.ask('E-mail address'));
  await inAnySession(options, shell, (vws) => vws.forgotPassword(email));
  shell.note(`If there is an account with this address, a code is on its way to it.`);
}

function enterCode(options: CommonOptions, shell: Shell): Promise<void> {
  return askUntilAccepted(
    shell,
    ['invalid_code'],
    async () => {
      try {
        return await shell.ask('Code');
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        throw new UsageError('There was no code. Go on, as soon as you have it, with: vws recover --code');
      }
    },
    (code) => continueRecovery(options, shell, (vws) => vws.confirmForgotPassword(code.trim())),
  );
}

function setPassword(options: CommonOptions, shell: Shell): Promise<void> {
  return askUntilAccepted(
    shell,
    ['password_refused'],
    () => askNewPassword(shell, 'New password'),
    (newPassword) => continueRecovery(options, shell, (vws) => vws.finishForgotPassword(newPassword)),
  );
}

/** A recovery belongs to the session that it was begun in. */
async function continueRecovery(...call: Parameters<typeof inSession<void>>): Promise<void> {
  try {
    await inSession(...call);
  } catch (error) {
    const isNone = error instanceof CommandError && error.code === 'not_logged_in';
    const isLost = error instanceof VwsError && error.sessionLost;
    if (!isNone && !isLost) throw error;
    throw new CommandError('No recovery is under way here, or not any more. Begin with: vws recover', 'no_recovery');
  }
}
