// `vws whoami`: shows the current account and server.
import { defineClientCommand, printResult } from '../clientCommand.ts';
import { inStoredSession } from '../session/open.ts';

export const command = defineClientCommand({
  name: 'whoami',
  description: 'Shows which account you are logged in to, and on which server.',
  json: '{"username","email","server","fingerprint"}; the fingerprint is null in suite 1',
  examples: ['vws whoami', 'vws whoami --json'],
  async run(_, options, shell) {
    await inStoredSession(options, shell, async (vws) => {
      const { username, email } = await vws.getAccount();
      const fingerprint = vws.fingerprint || null;
      printResult(shell, options, { username, email, server: options.url, fingerprint }, () => {
        shell.print(`username     ${username}`);
        shell.print(`email        ${email}`);
        shell.print(`server       ${options.url}`);
        if (fingerprint) shell.print(`fingerprint  ${fingerprint}`);
      });
    });
  },
});
