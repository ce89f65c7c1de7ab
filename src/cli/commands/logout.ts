// `vws logout`: logs out and deletes the stored session.
import { VwsError } from '../../client/error.ts';
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { inStoredSession } from '../session/open.ts';

/** Errors that mean that the session has ended already, which is what the user wants. */
const ENDED = ['not_authenticated', 'session_not_found', 'session_expired', 'out_of_sync'];

export const command = defineClientCommand({
  name: 'logout',
  description: "Logs out and deletes the stored session. The server's fingerprint stays pinned.",
  json: '{"ok":true}',
  examples: ['vws logout', 'vws logout --server https://vws.example.org --json'],
  async run(_, options, shell) {
    const session = options.serverState.session(options.suite);
    try {
      await inStoredSession(options, shell, async (vws) => {
        await vws.logOut();
        session.clear();
      });
    } catch (error) {
      const note = error instanceof VwsError && describeAlreadyEnded(error, options.suite);
      if (!note) throw error;
      shell.note(note);
      await options.serverState.withLock(async () => session.clear());
    }
    printResult(shell, options, { ok: true }, () => shell.note(`Logged out at ${options.url}`));
  },
});

/** @returns undefined if the session may still be valid */
function describeAlreadyEnded({ code }: VwsError, suite: 1 | 2): string | undefined {
  if (ENDED.includes(code)) return `The server reports that the session had already ended (${code}).`;
  if (code === 'route_not_found' && suite === 1) {
    return 'This server has no logout. The session is deleted here, and expires on the server after a period of inactivity.';
  }
  return undefined;
}
