// `vws fingerprint`: shows the fingerprint of a server.
import { printResult } from '../clientCommand.ts';
import { defineCommand } from '../command.ts';
import { commonOptions, readCommonOptions } from '../commonOptions.ts';
import { UsageError } from '../errors.ts';
import { fetchFingerprint, identityChanged } from '../session/pin.ts';

const { '--suite1': _, ...withoutSuite1 } = commonOptions;

export const command = defineCommand({
  name: 'fingerprint',
  description:
    'Fetches the fingerprint of a server, prints it, and reports whether it is the pinned one. Changes nothing. Operators ' +
    'compare it with the output of npm start; users compare it with what the operator gives them over a separate channel.',
  args: { '[url]': 'the server, in place of --server' },
  options: { ...withoutSuite1, '--pin <fingerprint>': 'compare with this fingerprint instead of the stored one' },
  json: '{"server","fingerprint","known"}; known is null if no fingerprint is pinned',
  examples: [
    'vws fingerprint https://vws.example.org',
    'vws login --server https://vws.example.org --pin 02Ygnc7J-_QFicP0Mr3I9XROhhgJ4axEBwaePggTPhg',
    'vws fingerprint --json',
  ],
  async run({ url, ...values }, shell) {
    if (url !== undefined && values.server !== undefined) throw new UsageError('Give [url] or --server, not both.');
    const options = readCommonOptions({ ...values, server: url ?? values.server }, shell);
    const fingerprint = await fetchFingerprint(options, shell);
    const known = options.pin ?? options.serverState.readPin() ?? null;
    if (known !== null && known !== fingerprint) {
      const from = options.pin === undefined ? 'stored' : '--pin';
      throw identityChanged(options.url, { fingerprint: known, from }, fingerprint);
    }
    printResult(shell, options, { server: options.url, fingerprint, known }, () => {
      shell.print(fingerprint);
      shell.note(
        known === null
          ? `No fingerprint is pinned for ${options.url}`
          : `It is the fingerprint pinned for ${options.url}`,
      );
    });
  },
});
