// Prompts for a new password, and repeats a prompt while the server rejects the answer.
import { VwsError } from '../client/error.ts';
import { describeFailure, failureAsText } from './failure.ts';
import type { Shell } from './terminal/shell.ts';

/** Prompts for a new password: twice on a terminal, because it is not echoed. */
export async function askNewPassword(shell: Shell, what: string): Promise<string> {
  for (;;) {
    const password = await shell.askSecret(what);
    if (!shell.isTerminal || (await shell.askSecret(`Repeat ${what.toLowerCase()}`)) === password) return password;
    shell.note('Passwords do not match.');
  }
}

/**
 * Runs a task with an answer. On a terminal, prompts again while the server rejects the answer.
 *
 * @param rejections the error codes that lead to another prompt
 */
export async function askUntilAccepted<T>(
  shell: Shell,
  rejections: readonly string[],
  ask: () => Promise<string>,
  task: (answer: string) => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await task(await ask());
    } catch (error) {
      if (!shell.isTerminal || !(error instanceof VwsError) || !rejections.includes(error.code)) throw error;
      shell.note(failureAsText(describeFailure(error)));
    }
  }
}
