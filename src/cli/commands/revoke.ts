// `vws revoke`: revokes a token message.
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { inStoredSession } from '../session/open.ts';

export const command = defineClientCommand({
  name: 'revoke',
  description:
    'Revokes a token message that you have sent: it can no longer be opened, and the server erases it. Prints its state and ' +
    'how often it was opened, if it has a receipt. A message that has already ended keeps its state.',
  args: { '<id>': 'the id that vws send and vws sent show' },
  json: '{"state","opens"}; opens is null without a receipt',
  examples: ['vws revoke 5f0c3a4e8d7b41f6a2c9e1d08b374652'],
  async run({ id }, options, shell) {
    const result = await inStoredSession(options, shell, (vws) => vws.revoke(id));
    printResult(shell, options, result, () =>
      shell.print(result.opens === null ? result.state : `${result.state}, opens: ${result.opens}`),
    );
  },
});
