// `vws recover`: resets a forgotten password with a code sent by email.
import { VwsError } from '../../client/error.ts';
import type { Vws } from '../../client/index.ts';
import { defineClientCommand, printResult } from '../clientCommand.ts';
import type { CommonOptions } from '../commonOptions.ts';
import { CommandError, UsageError } from '../errors.ts';
import { askNewPassword, askUntilAccepted } from '../newPassword.ts';
import { inAnySession, inStoredSession } from '../session/open.ts';
import { ensurePin } from '../session/pin.ts';
import type { Shell } from '../terminal/shell.ts';

/** The server's time limit for the new password after it accepted the code. */
const CONFIRMED_LIFETIME_MS = 10 * 60 * 1000;

export const command = defineClientCommand({
  name: 'recover',
  description:
    'Resets a forgotten password with a code sent by email, and ends your other sessions. Afterwards, log in with vws login.',
  options: {
    '--email <address>': 'email address of the account',
    '--send': 'only request the code',
    '--code':
      'continue after --send or after an interruption: with the most recent code or, within 10 minutes after it was ' +
      'accepted, with the new password',
  },
  input: ['email address (unless --email or --code)', 'code (unless --send)', 'new password (unless --send)'],
  json: '{"ok":true}',
  notes:
    'The response does not reveal whether an account with the address exists: if none does, no email is sent. Without a ' +
    'terminal, the line with the code is always read, and ignored if the code was already accepted.',
  examples: [
    'vws recover',
    'vws recover --send --email bob@example.org',
    `printf '%s\\n' "$CODE" "$NEW" | vws recover --code --json`,
  ],
  async run(values, options, shell) {
    if (values.code && (values.send || values.email !== undefined)) {
      throw new UsageError('--code continues a recovery and cannot be combined with --send or --email.');
    }
    const recovery = new Recovery(options, shell);
    if (values.code) recovery.requireStarted();
    else await recovery.sendCode(values.email);
    if (values.send) {
      return printResult(shell, options, { ok: true }, () => shell.note('Continue with: vws recover --code'));
    }
    if (shell.isTerminal) await recovery.continueOnTerminal();
    else await recovery.continueFromScript();
    printResult(shell, options, { ok: true }, () => shell.note('The password was changed. Log in with: vws login'));
  },
});

/** The stages of a recovery. It belongs to the session in which it was started. */
class Recovery {
  readonly #options: CommonOptions;
  readonly #shell: Shell;

  constructor(options: CommonOptions, shell: Shell) {
    this.#options = options;
    this.#shell = shell;
  }

  /** @throws CommandError `no_recovery` */
  requireStarted(): void {
    const { serverState, suite } = this.#options;
    if (serverState.session(suite).load() === undefined) throw noRecovery();
  }

  async sendCode(given: string | undefined): Promise<void> {
    const { suite } = this.#options;
    if (suite === 2) await ensurePin(this.#options, this.#shell);
    const email = given ?? (await this.#shell.ask('Email address'));
    await inAnySession(this.#options, this.#shell, (vws) => {
      this.#confirmedAt().clear();
      return vws.requestPasswordReset(email);
    });
    this.#shell.note('If an account with this address exists, a code was sent to it.');
  }

  /** Asks again after a wrong code or a refused password. */
  async continueOnTerminal(): Promise<void> {
    const shell = this.#shell;
    if (this.#isConfirmed()) shell.note('The code was already accepted.');
    else
      await askUntilAccepted(
        shell,
        ['invalid_code'],
        () => this.#askCode(),
        (code) => this.#confirm(code),
      );
    await this.#explainingHowToContinue(() =>
      askUntilAccepted(
        shell,
        ['password_refused'],
        () => askNewPassword(shell, 'New password'),
        (password) => this.#setPassword(password),
      ),
    );
  }

  /** Reads both answers before the code is used, because it is valid once. */
  async continueFromScript(): Promise<void> {
    const code = await this.#askCode();
    const password = await this.#shell.askSecret('New password');
    if (password === '') throw new UsageError('The new password is empty. The code was not used and is still valid.');
    if (!this.#isConfirmed()) await this.#confirm(code);
    await this.#explainingHowToContinue(() => this.#setPassword(password));
  }

  async #askCode(): Promise<string> {
    try {
      return await this.#shell.ask('Code');
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError('The code is missing. When you have it, continue with: vws recover --code');
    }
  }

  #confirmedAt() {
    return this.#options.serverState.confirmedAt(this.#options.suite);
  }

  #isConfirmed(): boolean {
    const age = Date.now() - (this.#confirmedAt().load() ?? 0);
    return age >= 0 && age < CONFIRMED_LIFETIME_MS;
  }

  #confirm(code: string): Promise<void> {
    return this.#inSessionOfRecovery(async (vws) => {
      await vws.verifyResetCode(code.trim());
      this.#confirmedAt().save(Date.now());
    });
  }

  #setPassword(newPassword: string): Promise<void> {
    return this.#inSessionOfRecovery(async (vws) => {
      await vws.resetPassword(newPassword);
      this.#confirmedAt().clear();
    });
  }

  /** After an error, the accepted code is not lost. */
  async #explainingHowToContinue(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      const hasEnded = error instanceof CommandError && error.code === 'no_recovery';
      if (!hasEnded)
        this.#shell.note('The code was accepted. Within 10 minutes, you can continue with: vws recover --code');
      throw error;
    }
  }

  async #inSessionOfRecovery(task: (vws: Vws) => Promise<void>): Promise<void> {
    try {
      await inStoredSession(this.#options, this.#shell, task);
    } catch (error) {
      const hasNoSession = error instanceof CommandError && error.code === 'not_logged_in';
      const hasEnded = error instanceof VwsError && (error.sessionLost || error.code === 'no_recovery');
      if (!hasNoSession && !hasEnded) throw error;
      await this.#options.serverState.withLock(async () => this.#confirmedAt().clear());
      throw noRecovery();
    }
  }
}

function noRecovery(): CommandError {
  return new CommandError('No recovery is in progress, or it has expired.', 'no_recovery');
}
