// `vws register`: creates an account, confirmed by a code sent to its email address, and logs in.
import { VwsError } from '../../client/error.ts';
import { defineClientCommand } from '../clientCommand.ts';
import type { CommonOptions } from '../commonOptions.ts';
import { CommandError, UsageError } from '../errors.ts';
import { askNewPassword, askUntilAccepted } from '../newPassword.ts';
import { fetchAccount, finishLogin } from '../session/account.ts';
import { inAnySession, inStoredSession } from '../session/open.ts';
import { ensurePin } from '../session/pin.ts';
import type { Shell } from '../terminal/shell.ts';

const WHAT = 'Registered and logged in';

interface Given {
  readonly username: string | undefined;
  readonly email: string | undefined;
  readonly invite: string | undefined;
}

export const command = defineClientCommand({
  name: 'register',
  description: 'Creates an account, confirmed by a code sent to its email address, and logs in.',
  options: {
    '--username <name>': 'the name that others encrypt messages for',
    '--email <address>': 'the address that this code and recovery codes are sent to',
    '--invite <code>': 'a code of the operator, if the server requires one',
    '--code': 'continue with the code from the email, within 10 minutes',
  },
  input: [
    'username (unless --username or --code)',
    'email address (unless --email or --code)',
    'password (twice on a terminal, unless --code)',
    'code (not with --suite1)',
  ],
  json: '{"server","username","email"}',
  notes:
    'The password must have 12 characters or more, or 8 or more with a lowercase letter, an uppercase letter, a digit and ' +
    'a symbol. If the address already has an account, it gets an email without a code. Suite 1 has no code.',
  examples: [
    'vws register --server https://vws.example.org',
    `printf '%s\\n' "$PASSWORD" | vws register --username bob --email bob@example.org`,
    `printf '%s\\n' "$CODE" | vws register --code --json`,
  ],
  async run({ username, email, invite, code }, options, shell) {
    if (!code) return register({ username, email, invite }, options, shell);
    if (username !== undefined || email !== undefined || invite !== undefined) {
      throw new UsageError('--code continues a registration and cannot be combined with other options of it.');
    }
    await confirm(options, shell);
  },
});

async function register(given: Given, options: CommonOptions, shell: Shell): Promise<void> {
  if (options.suite === 2) await ensurePin(options, shell);
  const username = given.username ?? (await shell.ask('Username'));
  const email = given.email ?? (await shell.ask('Email address'));
  const account = await askUntilAccepted(
    shell,
    ['password_refused'],
    () => askNewPassword(shell, 'Password'),
    (password) =>
      inAnySession(options, shell, async (vws) => {
        const { next } = await vws.register({ username, email, password, invite: given.invite });
        return next ? undefined : fetchAccount(vws, { username, email });
      }),
  );
  if (account) return finishLogin(options, shell, account, WHAT);
  shell.note('If the address has no account yet, a code was sent to it.');
  await confirm(options, shell);
}

async function confirm(options: CommonOptions, shell: Shell): Promise<void> {
  const account = await askUntilAccepted(
    shell,
    ['invalid_code'],
    () => askCode(shell),
    (code) =>
      inStoredSession(options, shell, async (vws) => {
        await vws.confirmRegistration(code.trim());
        return vws.getAccount();
      }).catch(explainLoss),
  );
  await finishLogin(options, shell, account, WHAT);
}

async function askCode(shell: Shell): Promise<string> {
  try {
    return await shell.ask('Code');
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError('The code is missing. When you have it, continue with: vws register --code');
  }
}

/** A registration belongs to the session in which it was started. */
function explainLoss(error: unknown): never {
  const hasNoSession = error instanceof CommandError && error.code === 'not_logged_in';
  const hasEnded = error instanceof VwsError && (error.sessionLost || error.code === 'no_registration');
  if (!hasNoSession && !hasEnded) throw error;
  throw new CommandError('No registration is in progress, or its code has expired.', 'no_registration');
}
