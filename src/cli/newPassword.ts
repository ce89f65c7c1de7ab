import { VwsError } from '../client/error.ts';
import type { Shell } from './command.ts';
import { describeFailure, failureAsText } from './failure.ts';

/** Asks for a new password: twice on a terminal, where nobody sees what is typed. */
export async function askNewPassword(shell: Shell, what: string): Promise<string> {
  for (;;) {
    const password = await shell.askSecret(what);
    if (!shell.isTerminal || (await shell.askSecret(`${what}, again`)) === password) return password;
    shell.note('The two are not the same.');
  }
}

/**
 * Does something with what somebody types, and on a terminal asks anew for as long as the server refuses it.
 *
 * @param refusals the codes of such errors
 */
export async function askUntilAccepted<T>(
  shell: Shell,
  refusals: readonly string[],
  ask: () => Promise<string>,
  task: (answer: string) => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await task(await ask());
    } catch (error) {
      if (!shell.isTerminal || !(error instanceof VwsError) || !refusals.includes(error.code)) throw error;
      shell.note(failureAsText(describeFailure(error)));
    }
  }
}
